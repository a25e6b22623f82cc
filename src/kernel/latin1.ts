/** Bytes as text, one character for each. */

/** Writes `size` characters of `text` from `start` on. A loop beats the call of a native function: most are 4 to 24 bytes. */
export function putLatin1(bytes: Uint8Array, at: number, text: string, start: number, size: number): void {
  for (let i = 0; i < size; i++) bytes[at + i] = text.charCodeAt(start + i);
}
