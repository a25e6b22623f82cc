/** The token that a cut list hands out: where to go on, at which revision. Opaque to clients. */

export interface Continuation {
  /** The revision of the first page; -1: whatever is newest (after the first page's revision was compacted). */
  readonly revision: number;
  /** The last key sent, without the collection's prefix. */
  readonly after: string;
}

export function formatContinueToken({ revision, after }: Continuation): string {
  return Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: revision, start: `${after}\0` })).toString("base64url");
}

/** Undefined: not a token of ours. */
export function parseContinueToken(token: string): Continuation | undefined {
  try {
    const { v, rv, start } = JSON.parse(Buffer.from(token, "base64url").toString());
    if (v !== "meta.k8s.io/v1" || !Number.isSafeInteger(rv) || rv === 0 || typeof start !== "string") return undefined;
    return start.endsWith("\0") && !start.includes("..") ? { revision: rv, after: start.slice(0, -1) } : undefined;
  } catch {
    return undefined;
  }
}
