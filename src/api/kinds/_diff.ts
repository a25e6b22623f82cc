/** What a refused change would have changed, as a unified diff of the two values' JSON: the end of some of Kubernetes's texts. */

const context = 3;

/** Lengths of the longest common subsequences of what is left of both lists. */
function commonLengths(old: readonly string[], next: readonly string[]): number[][] {
  const lengths = Array.from({ length: old.length + 1 }, () => new Array<number>(next.length + 1).fill(0));
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = next.length - 1; j >= 0; j--) {
      const [below, right, both] = [lengths[i + 1]?.[j] ?? 0, lengths[i]?.[j + 1] ?? 0, lengths[i + 1]?.[j + 1] ?? 0];
      const row = lengths[i];
      if (row) row[j] = old[i] === next[j] ? both + 1 : Math.max(below, right);
    }
  }
  return lengths;
}

function changedLines(old: readonly string[], next: readonly string[]): string[] {
  const lengths = commonLengths(old, next);
  const lines: string[] = [];
  for (let [i, j] = [0, 0]; i < old.length || j < next.length; ) {
    if (i < old.length && j < next.length && old[i] === next[j]) {
      lines.push(` ${old[i++]}`);
      j++;
    } else if (j >= next.length || (i < old.length && (lengths[i + 1]?.[j] ?? 0) >= (lengths[i]?.[j + 1] ?? 0))) {
      lines.push(`-${old[i++]}`);
    } else lines.push(`+${next[j++]}`);
  }
  return lines;
}

/** One hunk from the first to the last change, with three lines around. Both values are small: parts of one object. */
export function unifiedDiff(before: unknown, after: unknown): string {
  const [old, next] = [before, after].map((value) => JSON.stringify(value ?? null, null, 1).split("\n"));
  if (!old || !next) return "";
  const least = Math.min(old.length, next.length);
  let head = 0;
  while (head < least && old[head] === next[head]) head++;
  let tail = 0;
  while (tail < least - head && old[old.length - 1 - tail] === next[next.length - 1 - tail]) tail++;
  if (head === old.length && head === next.length) return "";
  const [from, left] = [Math.max(head - context, 0), Math.max(tail - context, 0)];
  const [oldPart, nextPart] = [old.slice(from, old.length - left), next.slice(from, next.length - left)];
  const range = `@@ -${from + 1},${oldPart.length} +${from + 1},${nextPart.length} @@`;
  return `${[range, ...changedLines(oldPart, nextPart)].join("\n")}\n`;
}
