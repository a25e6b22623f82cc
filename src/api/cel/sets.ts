/** Lists as sets: `sets.contains(object.spec.a, ["x"])`. Source: the extension "sets" of the Common Expression Language. */
import { isDeepStrictEqual } from "node:util";
import type { Environment } from "@marcbachmann/cel-js";

/** The name before the dot. */
class Sets {}
const type = "cel.Sets";

type List = readonly unknown[];
const has = (list: List, item: unknown): boolean => list.some((one) => isDeepStrictEqual(one, item));
const contains = (list: List, part: List): boolean => part.every((item) => has(list, item));

export function registerSets(environment: Environment): Environment {
  return environment
    .registerType(type, Sets)
    .registerConstant("sets", type, new Sets())
    .registerFunction(`${type}.contains(list, list): bool`, (_sets: Sets, list: List, part: List) =>
      contains(list, part),
    )
    .registerFunction(
      `${type}.equivalent(list, list): bool`,
      (_sets: Sets, a: List, b: List) => contains(a, b) && contains(b, a),
    )
    .registerFunction(`${type}.intersects(list, list): bool`, (_sets: Sets, a: List, b: List) =>
      a.some((item) => has(b, item)),
    );
}
