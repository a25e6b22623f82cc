/**
 * A chain's stamp: a comment on its first rule that says what the whole chain should be. By it a later process, and a look at
 * what the kernel holds, tells a chain that is as it was written from one that is not, without knowing how each version of
 * iptables-save prints each rule.
 */
import { hash } from "node:crypto";

const pattern = /-m comment --comment "?fairlead:([0-9a-f]+)"? /;

export function stampOf(rules: readonly string[]): string {
  return hash("sha256", rules.join("\n")).slice(0, 12);
}

/** The rules as they are written, the first with the stamp before its target. */
export function stamped(rules: readonly string[]): readonly string[] {
  const [first, ...rest] = rules;
  if (first === undefined) return [];
  const at = Math.max(first.lastIndexOf("-j "), first.lastIndexOf("-g "));
  return [`${first.slice(0, at)}-m comment --comment "fairlead:${stampOf(rules)}" ${first.slice(at)}`, ...rest];
}

/** The stamp, and the rules without it. */
export function readStamp(saved: readonly string[]): { readonly stamp: string; readonly rules: readonly string[] } {
  const [first = "", ...rest] = saved;
  const stamp = pattern.exec(first)?.[1] ?? "";
  return { stamp, rules: saved.length === 0 ? [] : [first.replace(pattern, ""), ...rest] };
}
