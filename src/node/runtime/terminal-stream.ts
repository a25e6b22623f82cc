/** A terminal as a stream: what its programs write can be read, what is written they read as typed. */
import { ReadStream } from "node:tty";
import type { TerminalPort, TerminalSize } from "../sandbox/port.ts";

export interface TerminalStream {
  /** Its descriptor, as long as the stream is not closed. */
  readonly fd: number;
  /** Closes (without error) when no program has the terminal open any more. */
  readonly stream: ReadStream;
  resize(size: TerminalSize): void;
}

/** Takes over the descriptor of the terminal's showing side. */
export function terminalStream(fd: number, port: Pick<TerminalPort, "setTerminalSize">): TerminalStream {
  const stream = new ReadStream(fd);
  // EIO says that the last program has closed it (pty(7)).
  stream.on("error", () => undefined);
  return {
    fd,
    stream,
    resize(size) {
      if (!stream.destroyed) port.setTerminalSize(fd, size);
    },
  };
}
