/** One command in a container, for one client. */
import type { Readable, Writable } from "node:stream";
import type { ExecProcess } from "../runtime/container-runtime.ts";
import { statusOfExit } from "./exec-status.ts";
import type { Session } from "./session.ts";

/** When the command has ended, what is still on its way is waited for; what it left in the background is not. */
const idleMs = 100;

/** Moves all that comes to the client, at the client's pace, or to nowhere. */
class OutputCopy {
  readonly ended: Promise<void>;
  /** Waits for the client. */
  #blocked = false;
  #lastMs = performance.now();

  constructor(from: Readable, to: Writable | undefined) {
    this.ended = new Promise((resolve) => from.once("close", resolve).once("end", resolve));
    from.on("data", (chunk: Buffer) => {
      this.#lastMs = performance.now();
      if (!to || to.destroyed || to.write(chunk)) return;
      this.#blocked = true;
      from.pause();
      const goOn = (): void => {
        this.#blocked = false;
        this.#lastMs = performance.now();
        from.resume();
      };
      to.once("drain", goOn);
      to.once("close", goOn);
    });
  }

  /** Resolves when nothing more has come for a while. */
  async settled(): Promise<void> {
    while (this.#blocked || performance.now() - this.#lastMs < idleMs) {
      await new Promise((resolve) => setTimeout(resolve, idleMs / 4));
    }
  }
}

function connectStdin(session: Session, process: ExecProcess): void {
  const { stdin } = session;
  if (!stdin) {
    // A terminal has no end.
    if (process.stderr) process.stdin.end();
    return;
  }
  stdin.pipe(process.stdin, { end: process.stderr !== undefined });
  // What nobody reads any more must not hold back the rest.
  process.stdin.once("close", () => stdin.resume());
}

/** Resolves when it is over on both sides: the command has ended, or the client has gone and with it the command. */
export async function serveExec(session: Session, process: ExecProcess): Promise<void> {
  const hangUp = (): void => process.kill("SIGHUP");
  session.gone.addEventListener("abort", hangUp, { once: true });
  if (session.gone.aborted) hangUp();
  session.onResize((size) => process.resize(size));
  connectStdin(session, process);
  const copies = [
    new OutputCopy(process.stdout, session.stdout),
    ...(process.stderr ? [new OutputCopy(process.stderr, session.stderr)] : []),
  ];
  const exitCode = await process.exit;
  await Promise.all(copies.map((copy) => Promise.race([copy.ended, copy.settled()])));
  session.gone.removeEventListener("abort", hangUp);
  for (const stream of [process.stdin, process.stdout, process.stderr]) stream?.destroy();
  await session.finish(statusOfExit(exitCode));
}
