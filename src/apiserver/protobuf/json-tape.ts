/**
 * Where the values of a JSON text stand, found in one pass: what is read of an object need not be made first. The text is as JSON.stringify()
 * writes it: without spaces, no key twice. Known elsewhere as a tape, or a structural index.
 *
 * A value is known by its place among the nodes; 0: none.
 */
const quote = 0x22;
const comma = 0x2c;
const backslash = 0x5c;
const openList = 0x5b;
const closeList = 0x5d;
const openObject = 0x7b;
const closeObject = 0x7d;

/** What is kept of a value, each in a slot of its own. Siblings are linked from the last one to the first. */
const start = 0;
const end = 1;
const previous = 2;
const last = 3;
const keyStart = 4;
const keyEnd = 5;
/** What tells keys apart. */
const key = 6;
const escapes = 7;
const slots = 8;

const escapedText = 1;
const escapedKey = 2;

const firstNodes = 256;

const hash = (before: number, byte: number): number => (Math.imul(before, 31) + byte) | 0;

/** No two fields of a schema have the same one; other fields are not stored. */
export const keyHash = (name: string): number => Buffer.from(name).reduce(hash, 0);

export class JsonTape {
  /** The text. */
  bytes: Buffer = Buffer.alloc(0);
  #nodes = new Int32Array(firstNodes * slots);

  /** Returns the outermost value. (Node 0 is around it.) Throws SyntaxError for a text that has been cut. */
  read(text: Buffer): number {
    this.bytes = text;
    let nodes = this.#nodes;
    const { length } = text;
    // The end of a list or an object is known last: until then the one around it stands there.
    let container = 0;
    let inObject = false;
    let node = 0;
    nodes[last] = 0;
    for (let at = 0; at < length; ) {
      let byte = text[at];
      if (byte === comma) {
        at++;
        continue;
      }
      if (byte === closeObject || byte === closeList) {
        const around = nodes[container + end] as number;
        nodes[container + end] = ++at;
        container = around;
        inObject = around !== 0 && text[nodes[around + start] as number] === openObject;
        continue;
      }
      node += slots;
      if (node === nodes.length) nodes = this.#grow();
      let escaped = 0;
      if (inObject) {
        const from = ++at;
        let code = 0;
        for (byte = text[at]; byte !== quote && at < length; byte = text[++at]) {
          code = hash(code, byte as number);
          if (byte !== backslash) continue;
          escaped = escapedKey;
          at++;
        }
        nodes[node + keyStart] = from;
        nodes[node + keyEnd] = at;
        nodes[node + key] = code;
        at += 2;
        byte = text[at];
      }
      nodes[node + start] = at;
      nodes[node + previous] = nodes[container + last] as number;
      nodes[container + last] = node;
      if (byte === openObject || byte === openList) {
        nodes[node + escapes] = escaped;
        nodes[node + last] = 0;
        nodes[node + end] = container;
        container = node;
        inObject = byte === openObject;
        at++;
        continue;
      }
      if (byte === quote) {
        for (byte = text[++at]; byte !== quote && at < length; byte = text[++at]) {
          if (byte !== backslash) continue;
          escaped |= escapedText;
          at++;
        }
        at++;
      } else {
        do byte = text[++at];
        while (byte !== comma && byte !== closeObject && byte !== closeList && at < length);
      }
      nodes[node + end] = at;
      nodes[node + escapes] = escaped;
    }
    if (container !== 0 || node === 0) throw new SyntaxError("stored JSON ends too early");
    return slots;
  }

  #grow(): Int32Array<ArrayBuffer> {
    const next = new Int32Array(this.#nodes.length * 2);
    next.set(this.#nodes);
    this.#nodes = next;
    return next;
  }

  start(node: number): number {
    return this.#nodes[node + start] as number;
  }

  end(node: number): number {
    return this.#nodes[node + end] as number;
  }

  keyStart(node: number): number {
    return this.#nodes[node + keyStart] as number;
  }

  keyEnd(node: number): number {
    return this.#nodes[node + keyEnd] as number;
  }

  /** The first byte, which tells what the value is. */
  look(node: number): number {
    return this.bytes[this.#nodes[node + start] as number] as number;
  }

  hasEscapes(node: number): boolean {
    return ((this.#nodes[node + escapes] as number) & escapedText) !== 0;
  }

  keyHasEscapes(node: number): boolean {
    return ((this.#nodes[node + escapes] as number) & escapedKey) !== 0;
  }

  /** The last value of a list or an object. */
  last(node: number): number {
    return this.#nodes[node + last] as number;
  }

  /** The value before this one in the same list or object. */
  previous(node: number): number {
    return this.#nodes[node + previous] as number;
  }

  /** The member of an object with that key. */
  member(node: number, wanted: number): number {
    const nodes = this.#nodes;
    let at = nodes[node + last] as number;
    while (at !== 0 && nodes[at + key] !== wanted) at = nodes[at + previous] as number;
    return at;
  }

  /** A number that is whole and small, as most are, is read as it stands. */
  number(node: number): number {
    const from = this.start(node);
    const to = this.end(node);
    const value = to - from < 16 ? this.digits(from, to) : Number.NaN;
    return Number.isNaN(value) ? Number(this.value(node)) : value;
  }

  /** NaN: they are not all digits. */
  digits(from: number, to: number): number {
    const { bytes } = this;
    let value = 0;
    for (let at = from; at < to; at++) {
      const digit = (bytes[at] as number) - 0x30;
      if (!(digit >= 0 && digit < 10)) return Number.NaN;
      value = value * 10 + digit;
    }
    return value;
  }

  /** The value itself, of any type. */
  value(node: number): unknown {
    return JSON.parse(this.bytes.toString("utf8", this.start(node), this.end(node)));
  }

  /** As for sort(). */
  compareKeys(a: number, b: number): number {
    if (this.keyHasEscapes(a) || this.keyHasEscapes(b)) return this.key(a) < this.key(b) ? -1 : 1;
    const { bytes } = this;
    const aEnd = this.keyEnd(a);
    const bEnd = this.keyEnd(b);
    let at = this.keyStart(a);
    let other = this.keyStart(b);
    while (at < aEnd && other < bEnd && bytes[at] === bytes[other]) {
      at++;
      other++;
    }
    if (at === aEnd || other === bEnd) return aEnd - at - (bEnd - other);
    return (bytes[at] as number) - (bytes[other] as number);
  }

  key(node: number): string {
    const text = this.bytes.toString("utf8", this.keyStart(node), this.keyEnd(node));
    return this.keyHasEscapes(node) ? JSON.parse(`"${text}"`) : text;
  }
}
