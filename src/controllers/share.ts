/** Numbers that may be shares of a whole (IntOrString fields such as maxSurge). */

/** A count, or a share of `total` such as "25%", rounded. */
export function resolveShare(value: unknown, { total, round }: { total: number; round: "up" | "down" }): number {
  if (typeof value === "number") return value;
  const percent = /^(\d+)%$/.exec(String(value))?.[1];
  if (percent === undefined) return 0;
  const share = (Number(percent) * total) / 100;
  return round === "up" ? Math.ceil(share) : Math.floor(share);
}
