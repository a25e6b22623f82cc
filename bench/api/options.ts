/** The bench's options. */
import { parseArgs } from "node:util";

const parts = ["creates", "updates", "list", "watch", "many"] as const;
export type Part = (typeof parts)[number];

const usage = `npm run bench -- api [options]
  --only A,B    of ${parts.join(", ")} (default all)`;

/** The parts to measure. Ends the process with a sentence when the words cannot be used. */
export function wantedParts(args: readonly string[]): ReadonlySet<Part> {
  try {
    const { values } = parseArgs({ args: [...args], options: { only: { type: "string", default: parts.join(",") } } });
    return new Set(values.only.split(",").filter(Boolean).map(partOf));
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    process.exit(2);
  }
}

function partOf(word: string): Part {
  const part = parts.find((known) => known === word);
  if (!part) throw new RangeError(`No part "${word}"`);
  return part;
}
