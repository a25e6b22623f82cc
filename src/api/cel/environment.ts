/**
 * The Common Expression Language with the functions that Kubernetes adds, but for those of formats and
 * versions. The language itself is the package @marcbachmann/cel-js. Source: Kubernetes "Common Expression Language in Kubernetes".
 */
import { Environment } from "@marcbachmann/cel-js";
import { format } from "./format.ts";
import { registerNetwork } from "./network.ts";
import { registerQuantity } from "./quantity.ts";
import { registerSets } from "./sets.ts";

const compare = (a: unknown, b: unknown): number => {
  const [left, right] = [a as string, b as string];
  return left < right ? -1 : left > right ? 1 : 0;
};
const extreme = (list: readonly unknown[], sign: 1 | -1): unknown =>
  list.reduce((best, item) => (compare(item, best) === sign ? item : best));
const sum = (list: readonly unknown[]): unknown =>
  list.length === 0 ? 0n : list.reduce((total, item) => (total as number) + (item as number));

/** Fewer than none: all. */
function replaceSome(text: string, a: string, b: string, times: number): string {
  if (times < 0) return text.replaceAll(a, () => b);
  let left = times;
  return text.replaceAll(a, (found) => (left-- > 0 ? b : found));
}

/** The name before the dot in `jsonpatch.escapeKey("a/b")`. */
class JsonPatchLibrary {}
const library = "kubernetes.JSONPatchLibrary";

/** `variables`: names that expressions may use, of any type. */
export function createEnvironment(variables: readonly string[]): Environment {
  const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
  const environment = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false });
  for (const name of variables) environment.registerVariable(name, "dyn");
  environment
    .registerType(library, JsonPatchLibrary)
    .registerConstant("jsonpatch", library, new JsonPatchLibrary())
    .registerFunction(`${library}.escapeKey(string): string`, (_library: JsonPatchLibrary, key: string) =>
      key.replaceAll("~", "~0").replaceAll("/", "~1"),
    );
  registerNetwork(environment);
  registerSets(environment);
  return registerQuantity(environment)
    .registerFunction("string.charAt(int): string", (text: string, at: bigint) => text[Number(at)] ?? "")
    .registerFunction("string.replace(string, string): string", (text: string, a: string, b: string) =>
      text.replaceAll(a, () => b),
    )
    .registerFunction(
      "string.replace(string, string, int): string",
      (text: string, a: string, b: string, times: bigint) => replaceSome(text, a, b, Number(times)),
    )
    .registerFunction("string.format(list): string", format)
    .registerFunction("string.find(string): string", (text: string, re: string) => new RegExp(re).exec(text)?.[0] ?? "")
    .registerFunction("string.findAll(string): list<string>", (text: string, re: string) => [
      ...(text.match(new RegExp(re, "g")) ?? []),
    ])
    .registerFunction("list<dyn>.isSorted(): bool", (value: unknown) =>
      list(value).every((item, index, all) => index === 0 || compare(all[index - 1], item) <= 0),
    )
    .registerFunction("list<dyn>.sum(): dyn", (value: unknown) => sum(list(value)))
    .registerFunction("list<dyn>.min(): dyn", (value: unknown) => extreme(list(value), -1))
    .registerFunction("list<dyn>.max(): dyn", (value: unknown) => extreme(list(value), 1))
    .registerFunction("list<dyn>.indexOf(dyn): int", (value: unknown, item: unknown) =>
      BigInt(list(value).indexOf(item)),
    )
    .registerFunction("list<dyn>.lastIndexOf(dyn): int", (value: unknown, item: unknown) =>
      BigInt(list(value).lastIndexOf(item)),
    );
}

/** The first line of what the language says of a mistake. */
export const firstLine = (error: unknown): string =>
  error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
