/** The kinds that are served at this moment: the built-in ones, and those of custom resources. */
import type { Kind } from "../api/kind.ts";
import { compareVersions } from "../api/versions.ts";

export interface KindRegistry {
  /** Another list after each change. */
  readonly kinds: readonly Kind[];
  kindOf(group: string, version: string, plural: string): Kind | undefined;
  /** The kinds of one definition, in place of those it had; none: it serves nothing any more. */
  setCustom(definition: string, kinds: readonly Kind[]): void;
  /** What else is served in a group, but for the kinds of `definition`. */
  others(definition: string, group: string): Kind[];
}

const keyOf = ({ group, version, plural }: Kind): string => `${group}/${version}/${plural}`;

export function createKindRegistry(builtIn: readonly Kind[]): KindRegistry {
  const custom = new Map<string, readonly Kind[]>();
  let kinds = builtIn;
  let table = new Map(kinds.map((kind) => [keyOf(kind), kind]));
  return {
    get kinds() {
      return kinds;
    },
    kindOf: (group, version, plural) => table.get(`${group}/${version}/${plural}`),
    setCustom(definition, next) {
      if (next.length === 0 && !custom.has(definition)) return;
      if (next.length > 0) custom.set(definition, next);
      else custom.delete(definition);
      const others = [...custom.values()].flat();
      kinds = [...builtIn, ...others.sort((a, b) => compareVersions(a.version, b.version))];
      table = new Map(kinds.map((kind) => [keyOf(kind), kind]));
    },
    others(definition, group) {
      const rest = [...custom].filter(([name]) => name !== definition).flatMap(([, own]) => own);
      return [...builtIn, ...rest].filter((kind) => kind.group === group);
    },
  };
}
