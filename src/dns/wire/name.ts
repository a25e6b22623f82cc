/**
 * Names as "keys": the wire form (RFC 1035 section 3.1) without the closing root label, one character for each byte, e.g.
 * "\x07backend\x07default" for `backend.default`. Lower-cased, keys are equal when the names are (RFC 4343).
 */

const maxLabelSize = 63;
/** With the root label a name has at most 255 bytes. */
const maxKeySize = 254;

/** "backend.default." or "backend.default" → its key; undefined if it is no name (an empty or too long label, too long). */
export function keyOf(text: string): string | undefined {
  const name = text.endsWith(".") ? text.slice(0, -1) : text;
  if (name === "") return "";
  let key = "";
  for (const label of name.split(".")) {
    if (label.length === 0 || label.length > maxLabelSize || !isAscii(label)) return undefined;
    key += String.fromCharCode(label.length) + label;
  }
  return key.length > maxKeySize ? undefined : key;
}

/** One label with its length. The caller knows that it has 1 to 63 ASCII characters. */
export function labelKey(label: string): string {
  return String.fromCharCode(label.length) + label;
}

/** The name as people write it, without the closing dot; "." for the root. */
export function textOf(key: string): string {
  const labels = labelStarts(key).map((start) => key.slice(start + 1, start + 1 + key.charCodeAt(start)));
  return labels.length === 0 ? "." : labels.map((label) => label.replace(/[.\\]/g, "\\$&")).join(".");
}

/** Where the labels of a key begin. */
export function labelStarts(key: string): number[] {
  const starts: number[] = [];
  for (let at = 0; at < key.length; at += 1 + key.charCodeAt(at)) starts.push(at);
  return starts;
}

/** Lower-cases ASCII letters only: other bytes are no text and stay (RFC 4343 section 3). Length bytes are below the letters. */
export function lowerKey(key: string): string {
  return isAscii(key) ? key.toLowerCase() : key.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
