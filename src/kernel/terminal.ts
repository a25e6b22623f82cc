/** Pseudo-terminals (pty(7), ioctl_tty(2)). */
import { closeSync, constants, openSync } from "node:fs";
import { ioctl } from "./ffi.ts";

/** include/uapi/asm-generic/ioctls.h */
const TIOCSWINSZ = 0x5414;
const TIOCGPTN = 0x80045430;
const TIOCSPTLCK = 0x40045431;

export interface Terminal {
  /** The side of whoever shows it; close it. */
  readonly fd: number;
  /** The side of the programs, e.g. "/dev/pts/3". */
  readonly path: string;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** A new terminal. `devices`: another /dev, which has a devpts file system of its own at pts. */
export function openTerminal(devices = "/dev"): Terminal {
  const fd = openSync(`${devices}/ptmx`, constants.O_RDWR | constants.O_NOCTTY);
  try {
    const number = Buffer.alloc(4);
    ioctl(fd, TIOCSPTLCK, Buffer.alloc(4), "unlock a terminal");
    ioctl(fd, TIOCGPTN, number, "number a terminal");
    return { fd, path: `${devices}/pts/${number.readUInt32LE()}` };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Programs in the foreground get SIGWINCH. Numbers beyond 65535 are cut to it. */
export function setTerminalSize(fd: number, { columns, rows }: TerminalSize): void {
  const size = Uint16Array.of(Math.min(rows, 0xffff), Math.min(columns, 0xffff), 0, 0);
  ioctl(fd, TIOCSWINSZ, Buffer.from(size.buffer), "set the size of a terminal");
}
