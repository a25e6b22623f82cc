/** An eBPF map. Keys and values are bytes as text: one character for one byte, as in ../nftables. */
import { close, hasCode } from "../ffi.ts";
import { putLatin1 } from "../latin1.ts";
import { readU32 } from "../nftables/values.ts";
import { command } from "./constants.ts";
import { batchCommand, elementCommand, type MapShape } from "./syscall.ts";

export interface Entry {
  readonly key: string;
  readonly value: string;
}

const batchSize = 8192;

export class BpfMap {
  readonly name: string;
  readonly fd: number;
  readonly shape: MapShape;

  /** Takes the descriptor over. */
  constructor(name: string, fd: number, shape: MapShape) {
    this.name = name;
    this.fd = fd;
    this.shape = shape;
  }

  get(key: string): string | undefined {
    const value = Buffer.alloc(this.shape.valueSize);
    try {
      elementCommand(command.MAP_LOOKUP_ELEM, this.fd, { key: Buffer.from(key, "latin1"), value });
      return value.toString("latin1");
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  set(key: string, value: string): void {
    const element = { key: Buffer.from(key, "latin1"), value: Buffer.from(value, "latin1") };
    elementCommand(command.MAP_UPDATE_ELEM, this.fd, element);
  }

  /** Says whether it was there. */
  delete(key: string): boolean {
    try {
      elementCommand(command.MAP_DELETE_ELEM, this.fd, { key: Buffer.from(key, "latin1") });
      return true;
    } catch (error) {
      if (hasCode(error, "ENOENT")) return false;
      throw error;
    }
  }

  /**
   * Writes the entries in order. One with several values stands for as many entries, whose keys are numbered on (`elementsOf` of
   * ../nftables/values.ts). Those from `done` on were not written, because of `error`: E2BIG says that the map is full.
   */
  setAll(entries: readonly Entry[]): { readonly done: number; readonly error?: Error } {
    const { keySize, valueSize } = this.shape;
    const total = entries.reduce((sum, { value }) => sum + value.length / valueSize, 0);
    const room = Math.min(batchSize, Math.ceil(total));
    const [keys, values] = [Buffer.alloc(room * keySize), Buffer.alloc(room * valueSize)];
    let done = 0;
    let count = 0;
    for (const { key, value } of entries) {
      this.#check("key", key.length, keySize);
      if (value.length % valueSize !== 0) this.#check("value", value.length, valueSize);
      for (let place = 0; place * valueSize < value.length; place++) {
        putLatin1(keys, count * keySize, key, 0, keySize);
        if (place > 0) keys.writeUInt32LE(readU32(key, 4) + place, count * keySize + 4);
        putLatin1(values, count * valueSize, value, place * valueSize, valueSize);
        if (++count < room) continue;
        const { count: written, error } = this.#update(keys, values, count);
        if (error) return { done: done + written, error };
        done += count;
        count = 0;
      }
    }
    const { count: written, error } = count > 0 ? this.#update(keys, values, count) : { count };
    return error ? { done: done + written, error } : { done: done + count };
  }

  /** Keys that are not there are passed over. */
  deleteAll(keys: readonly string[]): void {
    for (let at = 0; at < keys.length; ) {
      const part = keys.slice(at, at + batchSize);
      const { count, error } = batchCommand(command.MAP_DELETE_BATCH, this.fd, {
        keys: this.#concatenate(part),
        count: part.length,
      });
      if (error && !hasCode(error, "ENOENT")) throw error;
      // The one that is not there ends the batch.
      at += error ? count + 1 : part.length;
    }
  }

  /** All entries of a hash map; entries that come or go meanwhile may be in it or not. */
  entries(): Entry[] {
    return [...this.batches()].flat();
  }

  /** The same, about so many at a time. */
  *batches(size = batchSize): Generator<Entry[]> {
    const { keySize, valueSize, maxEntries } = this.shape;
    const [keys, values] = [Buffer.alloc(size * keySize), Buffer.alloc(size * valueSize)];
    let from: Buffer | undefined;
    for (let round = 0; round <= maxEntries; round++) {
      const to = Buffer.alloc(Math.max(4, keySize));
      const { count, error } = batchCommand(command.MAP_LOOKUP_BATCH, this.fd, { keys, values, count: size, from, to });
      if (error && !hasCode(error, "ENOENT")) throw error;
      yield Array.from({ length: count }, (_, n) => ({
        key: keys.toString("latin1", n * keySize, (n + 1) * keySize),
        value: values.toString("latin1", n * valueSize, (n + 1) * valueSize),
      }));
      if (error) return;
      from = to;
    }
  }

  /** Whether all of these are in it. */
  holds(entries: readonly Entry[]): boolean {
    const element = { key: Buffer.alloc(this.shape.keySize), value: Buffer.alloc(this.shape.valueSize) };
    try {
      for (const { key, value } of entries) {
        element.key.write(key, "latin1");
        elementCommand(command.MAP_LOOKUP_ELEM, this.fd, element);
        if (element.value.toString("latin1") !== value) return false;
      }
      return true;
    } catch (error) {
      if (hasCode(error, "ENOENT")) return false;
      throw error;
    }
  }

  close(): void {
    close(this.fd);
  }

  #update(keys: Buffer, values: Buffer, count: number): ReturnType<typeof batchCommand> {
    return batchCommand(command.MAP_UPDATE_BATCH, this.fd, { keys, values, count });
  }

  #concatenate(keys: readonly string[]): Buffer {
    const { keySize } = this.shape;
    const bytes = Buffer.alloc(keys.length * keySize);
    keys.forEach((key, index) => {
      this.#check("key", key.length, keySize);
      putLatin1(bytes, index * keySize, key, 0, keySize);
    });
    return bytes;
  }

  #check(part: "key" | "value", length: number, size: number): void {
    if (length !== size)
      throw new RangeError(`Cannot use a ${part} of ${length} bytes in the map "${this.name}": it must have ${size}`);
  }
}
