/** An eBPF map. Keys and values are bytes as text: one character for one byte, as in ../nftables. */
import { close, hasCode } from "../ffi.ts";
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

  /** Writes the entries in order. Those from `done` on were not written, because of `error`: E2BIG says that the map is full. */
  setAll(entries: readonly Entry[]): { readonly done: number; readonly error?: Error } {
    return this.#inBatches(entries, (part) =>
      batchCommand(command.MAP_UPDATE_BATCH, this.fd, {
        keys: this.#concatenate(part, "key"),
        values: this.#concatenate(part, "value"),
        count: part.length,
      }),
    );
  }

  /** Keys that are not there are passed over. */
  deleteAll(keys: readonly string[]): void {
    let rest = keys.map((key) => ({ key, value: "" }));
    while (rest.length > 0) {
      const { done, error } = this.#inBatches(rest, (part) =>
        batchCommand(command.MAP_DELETE_BATCH, this.fd, {
          keys: this.#concatenate(part, "key"),
          count: part.length,
        }),
      );
      if (error && !hasCode(error, "ENOENT")) throw error;
      rest = rest.slice(error ? done + 1 : rest.length);
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

  #inBatches(
    entries: readonly Entry[],
    run: (part: readonly Entry[]) => ReturnType<typeof batchCommand>,
  ): { readonly done: number; readonly error?: Error } {
    for (let at = 0; at < entries.length; at += batchSize) {
      const { count, error } = run(entries.slice(at, at + batchSize));
      if (error) return { done: at + count, error };
    }
    return { done: entries.length };
  }

  #concatenate(entries: readonly Entry[], part: "key" | "value"): Buffer {
    const size = part === "key" ? this.shape.keySize : this.shape.valueSize;
    const bytes = Buffer.alloc(entries.length * size);
    entries.forEach((entry, index) => {
      if (entry[part].length !== size)
        throw new RangeError(
          `Cannot use a ${part} of ${entry[part].length} bytes in the map "${this.name}": it must have ${size}`,
        );
      bytes.write(entry[part], index * size, "latin1");
    });
    return bytes;
  }
}
