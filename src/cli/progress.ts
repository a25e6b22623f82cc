/** Progress on standard error: one line for each finished step, with its time; the last one in flight on a terminal. */

export interface Progress {
  /** A step begins; it ends when the next one begins, or with `finish`. */
  step(text: string): void;
  /** Adds to the line of the step in flight, e.g. how it was done. */
  note(text: string): void;
  finish(): void;
}

export function createProgress(stream: NodeJS.WriteStream | undefined, now: () => number = Date.now): Progress {
  let current: { text: string; since: number } | undefined;
  const terminal = stream?.isTTY === true && process.env.TERM !== "dumb";
  const end = (): void => {
    if (!current) return;
    const seconds = ((now() - current.since) / 1000).toFixed(2);
    stream?.write(`${terminal ? "\r\x1b[K" : ""} ✓ ${current.text} (${seconds} s)\n`);
    current = undefined;
  };
  return {
    step(text) {
      end();
      current = { text, since: now() };
      if (terminal) stream?.write(` … ${text}`);
    },
    note(text) {
      if (current) current.text = `${current.text}: ${text}`;
    },
    finish: end,
  };
}
