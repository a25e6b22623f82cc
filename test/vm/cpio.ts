/**
 * Writes a cpio archive of the "newc" kind, as the kernel unpacks it at its start (Documentation/driver-api/early-userspace/buffer-format.rst).
 *
 *   "070701" | 13 numbers of 8 hexadecimal digits | name, zero byte, padding to 4 | content, padding to 4 | next file …
 */
export interface ArchiveFile {
  /** e.g. "bin/busybox"; its folder must stand before it. */
  readonly name: string;
  /** With the kind of file, e.g. 0o100755; 0o040755 for a folder. */
  readonly mode: number;
  readonly content?: Uint8Array | string;
}

const trailer: ArchiveFile = { name: "TRAILER!!!", mode: 0 };

export function writeCpio(files: readonly ArchiveFile[]): Buffer {
  return Buffer.concat([...files, trailer].flatMap(entry));
}

function entry({ name, mode, content = "" }: ArchiveFile, index: number): Buffer[] {
  const bytes = Buffer.from(content as string);
  const nameBytes = Buffer.from(`${name}\0`);
  const numbers = [index + 1, mode, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, nameBytes.length, 0];
  const header = Buffer.from(`070701${numbers.map((number) => number.toString(16).padStart(8, "0")).join("")}`);
  return [padded(Buffer.concat([header, nameBytes])), padded(bytes)];
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
