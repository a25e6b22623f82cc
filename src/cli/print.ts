/** Standard output, opened when there is something to say: a part that runs alone says nothing there. */

/** Whoever reads the output may stop before its end, as "head" does: the work goes on. */
function ignoreEnd(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

export function print(text: string | Uint8Array): void {
  if (!process.stdout.listeners("error").includes(ignoreEnd)) process.stdout.on("error", ignoreEnd);
  process.stdout.write(text);
}
