/** The order of API versions. */

/** "v2" → [2, 3, 0], "v1beta2" → [1, 2, 2], others → undefined. */
function rankOf(version: string): readonly [stability: number, major: number, minor: number] | undefined {
  const [, major, stage, minor] = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version) ?? [];
  if (major === undefined) return undefined;
  return [stage === undefined ? 2 : stage === "beta" ? 1 : 0, Number(major), Number(minor ?? 0)];
}

/** The best first: stable before beta before alpha, newer before older, other names last. Source: Kubernetes "Versions in CustomResourceDefinitions". */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [rankOf(a), rankOf(b)];
  if (!left || !right) return left ? -1 : right ? 1 : a < b ? -1 : 1;
  for (const [index, value] of left.entries()) {
    const other = right[index] ?? 0;
    if (value !== other) return other - value;
  }
  return 0;
}
