/** Looks for one text in many small buffers. */

/** A shorter one is found sooner by the native search, whose call takes as long as some hundred steps. */
const shortest = 12;

/** Horspool's search: a step is as long as the text, but for bytes that stand in it. */
export function finder(text: string): (bytes: Buffer) => boolean {
  const wanted = Buffer.from(text);
  if (wanted.length < shortest) return (bytes) => bytes.includes(wanted);
  const last = wanted.length - 1;
  const steps = new Uint16Array(256).fill(wanted.length);
  for (let index = 0; index < last; index++) steps[wanted[index] as number] = last - index;
  return (bytes) => {
    for (let at = last; at < bytes.length; at += steps[bytes[at] as number] as number) {
      let back = 0;
      while (back <= last && bytes[at - back] === wanted[last - back]) back++;
      if (back > last) return true;
    }
    return false;
  };
}
