/**
 * The bytes of the store's files (pure): a file is a sequence of frames, a frame is written and synced as a whole.
 *
 *   frame    magic:4  payload length:4  CRC-32 of payload:4  CRC-32 of the 12 bytes before:4  payload
 *   payload  count:4  count × (kind:1  revision:6  key length:4  value length:4  key)  the values, one after the other
 *
 * Integers are little-endian. A log's frame is what one group commit wrote, so only a log's last frame can be torn.
 */
import { crc32 } from "node:zlib";

export const frameHeaderBytes = 16;
const metaBytes = 15;
/** Bytes that no UTF-8 text holds, so that no stored JSON looks like a frame. */
const magic = Buffer.from([0xff, 0xfa, 0x1e, 0xad]);
const sectorBytes = 512;

/** "head": first record of a file; "end": last one of a snapshot. */
export type RecordKind = "head" | "put" | "delete" | "end";
const kinds: readonly RecordKind[] = ["head", "put", "delete", "end"];

export interface FileRecord {
  readonly kind: RecordKind;
  readonly revision: number;
  readonly key: string;
  readonly value: Buffer;
}

/** The frame as buffers for writev; the values are not copied. */
export function encodeFrame(records: readonly FileRecord[]): { buffers: Buffer[]; bytes: number } {
  const keyBytes = records.reduce((sum, record) => sum + Buffer.byteLength(record.key), 0);
  const head = Buffer.allocUnsafe(frameHeaderBytes + 4 + records.length * metaBytes + keyBytes);
  let at = head.writeUInt32LE(records.length, frameHeaderBytes);
  let valueBytes = 0;
  for (const { kind, revision, key, value } of records) {
    const written = head.write(key, at + metaBytes);
    at = head.writeUInt8(kinds.indexOf(kind), at);
    at = head.writeUIntLE(revision, at, 6);
    at = head.writeUInt32LE(written, at);
    at = head.writeUInt32LE(value.length, at) + written;
    valueBytes += value.length;
  }
  const values = records.map((record) => record.value).filter((value) => value.length > 0);
  const crc = values.reduce((sum, value) => crc32(value, sum), crc32(head.subarray(frameHeaderBytes)));
  magic.copy(head);
  head.writeUInt32LE(head.length - frameHeaderBytes + valueBytes, 4);
  head.writeUInt32LE(crc, 8);
  head.writeUInt32LE(crc32(head.subarray(0, 12)), 12);
  return { buffers: [head, ...values], bytes: head.length + valueBytes };
}

/** Length and CRC of the payload that follows, or undefined if these 16 bytes are no frame header. */
export function decodeHeader(bytes: Buffer): { length: number; crc: number } | undefined {
  if (bytes.length < frameHeaderBytes || !bytes.subarray(0, 4).equals(magic)) return undefined;
  if (crc32(bytes.subarray(0, 12)) !== bytes.readUInt32LE(12)) return undefined;
  return { length: bytes.readUInt32LE(4), crc: bytes.readUInt32LE(8) };
}

/** Records of a payload whose CRC holds. Values are copies: a kept one must not keep the read buffer alive. */
export function decodePayload(payload: Buffer): FileRecord[] {
  const count = payload.readUInt32LE(0);
  const metas: { kind: RecordKind; revision: number; key: string; length: number }[] = [];
  let at = 4;
  for (let i = 0; i < count; i++) {
    const keyLength = payload.readUInt32LE(at + 7);
    metas.push({
      kind: kinds[payload.readUInt8(at)] ?? "end",
      revision: payload.readUIntLE(at + 1, 6),
      key: payload.toString("utf8", at + metaBytes, at + metaBytes + keyLength),
      length: payload.readUInt32LE(at + 11),
    });
    at += metaBytes + keyLength;
  }
  return metas.map(({ kind, revision, key, length }) => {
    const value = Buffer.from(payload.subarray(at, at + length));
    at += length;
    return { kind, revision, key, value };
  });
}

function hasHeaderBeyondFirst(rest: Buffer): boolean {
  for (let at = rest.indexOf(magic, 1); at >= 0; at = rest.indexOf(magic, at + 1)) {
    if (decodeHeader(rest.subarray(at, at + frameHeaderBytes))) return true;
  }
  return false;
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

/** True if a sector (or the part of it that lies in `bytes`, which start at `offset` of the file) holds only zeros. */
function hasBlankSector(bytes: Buffer, offset: number): boolean {
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + sectorBytes - ((offset + at) % sectorBytes));
    if (isBlank(bytes.subarray(at, end))) return true;
    at = end;
  }
  return false;
}

/** What the bytes after the last good frame, up to the end of the file, are. */
export type Tail = "blank" | "torn" | "damaged";

/**
 * "blank": zeros, which the log is made longer with in advance. "torn": a crash during the last write explains it, for
 * nothing was written after it, and it is cut short or lacks whole sectors. "damaged": anything else.
 */
export function judgeTail(rest: Buffer, offset: number): Tail {
  const first = rest.subarray(0, frameHeaderBytes);
  if (isBlank(first) && isBlank(rest)) return "blank";
  if (hasHeaderBeyondFirst(rest)) return "damaged";
  const length = frameHeaderBytes + (decodeHeader(first)?.length ?? 0);
  return rest.length < length || hasBlankSector(rest.subarray(0, length), offset) ? "torn" : "damaged";
}
