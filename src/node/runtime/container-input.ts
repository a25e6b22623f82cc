/** The stdin of a running container, for those who are attached. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { openFifoForWriting, writeToFifo } from "../logs/log-pump.ts";
import type { ContainerRecord } from "./container-record.ts";
import type { TerminalStream } from "./terminal-stream.ts";

const endedFile = (directory: string): string => join(directory, "input-ended");

/** Lets go of the container's stdin: it ends when the last one who is attached has ended it. May be called again. */
export function endInput({ directory }: ContainerRecord): void {
  writeFileSync(endedFile(directory), "");
  writeToFifo(join(directory, "input"), "end");
}

/** What is written is typed; its end is no end of the terminal. */
function typing({ stream }: TerminalStream): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      if (stream.destroyed) done();
      else stream.write(chunk, () => done());
    },
  });
}

/** Undefined when the container does not read. */
export function openInput(record: ContainerRecord, terminal: TerminalStream | undefined): Writable | undefined {
  const { directory, input } = record;
  if (!input || existsSync(endedFile(directory))) return undefined;
  if (terminal) return typing(terminal);
  const socket = openFifoForWriting(join(directory, "stdin"));
  if (input === "once") socket?.once("close", () => endInput(record));
  return socket;
}
