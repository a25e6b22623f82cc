/** What a client knows of its own objects: what was acknowledged, what was refused, and what it never heard of again. */

export interface Stored {
  readonly revision: number;
  /** The write that made it so; each is another. */
  readonly mark: string;
}

/** What a write would leave: an object with this mark, or nothing. */
export type Outcome = { readonly mark: string } | "gone";

interface Known {
  readonly acknowledged: Stored | undefined;
  /** A write whose answer never came: it may have been done, or not. */
  readonly open: Outcome | undefined;
}

export class Model {
  readonly #known = new Map<string, Known>();
  acknowledgedWrites = 0;

  get(key: string): Stored | undefined {
    return this.#known.get(key)?.acknowledged;
  }

  begin(key: string, outcome: Outcome): void {
    this.#known.set(key, { acknowledged: this.get(key), open: outcome });
  }

  /** `revision`: of the object that was written; undefined: it is gone. */
  acknowledge(key: string, stored: Stored | undefined): void {
    this.acknowledgedWrites++;
    this.#known.set(key, { acknowledged: stored, open: undefined });
  }

  refuse(key: string): void {
    this.#known.set(key, { acknowledged: this.get(key), open: undefined });
  }

  /** Compares with what the server has now, and takes that for granted from then on. Returns what is wrong. */
  settle(found: ReadonlyMap<string, Stored>): string[] {
    const faults: string[] = [];
    for (const [key, known] of this.#known) {
      const now = found.get(key);
      if (!isAsAcknowledged(known, now) && !isAsOpen(known, now)) {
        faults.push(`${key} is ${JSON.stringify(now)}, but ${JSON.stringify(known)} was known`);
      }
    }
    for (const key of found.keys()) if (!this.#known.has(key)) faults.push(`${key} was never written`);
    this.#known.clear();
    for (const [key, stored] of found) this.#known.set(key, { acknowledged: stored, open: undefined });
    return faults;
  }
}

const isAsAcknowledged = ({ acknowledged }: Known, now: Stored | undefined): boolean =>
  acknowledged?.revision === now?.revision && acknowledged?.mark === now?.mark;

function isAsOpen({ acknowledged, open }: Known, now: Stored | undefined): boolean {
  if (open === undefined) return false;
  if (open === "gone") return now === undefined;
  return now !== undefined && now.mark === open.mark && now.revision > (acknowledged?.revision ?? 0);
}
