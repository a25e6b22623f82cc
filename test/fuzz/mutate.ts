/** Small damage to data, to text and to bytes. */
import type { Random } from "./random.ts";
import { strange } from "./values.ts";

type Data = Record<string, unknown>;

const isData = (value: unknown): value is Data => typeof value === "object" && value !== null;

/** Changes, removes, doubles or adds something somewhere in `root`, in place. */
export function mutateData(random: Random, root: Data): void {
  let target: Data = root;
  for (let depth = 0; depth < 12; depth++) {
    const inner = Object.values(target).filter(isData);
    if (inner.length === 0 || random.chance(0.25)) break;
    target = random.pick(inner);
  }
  const keys = Object.keys(target);
  const key = keys.length > 0 ? random.pick(keys) : "x";
  const put = (name: string, value: unknown): void => {
    target[name] = value;
  };
  const value = target[key];
  const other = random.pick(["name", "kind", "spec", "constructor", "", "x.y", "$patch"]);
  random.oneOf([
    () => put(key, structuredClone(random.pick(strange))),
    () => void delete target[key],
    () => put(other, value),
    () => put(key, [value, structuredClone(value)]),
    () => put(key, { [key]: value }),
    () => put(key, typeof value === "string" ? value.repeat(1 + random.int(300)).slice(0, 100_000) : 0),
  ]);
}

/** JSON that JSON.stringify does not write. */
export function damageJson(random: Random, text: string): string {
  const at = random.int(text.length);
  return random.oneOf([
    () => text.replace("{", '{"metadata":{"name":"twice"},'),
    () => text.replace(/"name":/, '"name":"first","name":'),
    () => text.replace("{", '{"__proto__":{"polluted":true},'),
    () => text.replace(/:\s*"[^"]*"/, ":1e999"),
    () => text.replace(/:\s*"[^"]*"/, ":123456789012345678901234567890"),
    () => text.replace(/:\s*"[^"]*"/, ':"\\ud800"'),
    () => text.replace(/:\s*"[^"]*"/, ":NaN"),
    () => text.slice(0, at),
    () => `${text}${text}`,
    () => `\ufeff${text}`,
    () => `${text.slice(0, at)}\u0000${text.slice(at)}`,
    () => text.replace("{", `{"deep":${"[".repeat(5000)}${"]".repeat(5000)},`),
    () => text.replace("{", `{"deep":${'{"a":'.repeat(2000)}1${"}".repeat(2000)},`),
    () => `${"[".repeat(random.int(100_000))}`,
    () => text.replace("{", `{"wide":{${Array.from({ length: 2000 }, (_, i) => `"k${i}":${i}`).join(",")}},`),
  ]);
}

/** Flips, cuts, doubles or inserts bytes. */
export function damageBytes(random: Random, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const at = random.int(Math.max(1, copy.length));
  return random.oneOf([
    () => {
      for (let n = random.int(8); n >= 0; n--) copy[random.int(Math.max(1, copy.length))] = random.int(256);
      return copy;
    },
    () => copy.subarray(0, at),
    () => Buffer.concat([copy.subarray(0, at), random.bytes(random.int(20)), copy.subarray(at)]),
    () => Buffer.concat([copy.subarray(0, at), Buffer.from([0xff, 0xfe, 0xc3, 0x28]), copy.subarray(at)]),
    () => Buffer.concat([copy, copy]),
    () => Buffer.concat([copy.subarray(0, at), Buffer.alloc(10, 0xff), copy.subarray(at + 10)]),
  ]);
}
