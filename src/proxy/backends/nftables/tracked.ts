/** The kernel's nf_tables, and whether somebody beside us writes to it: every transaction of anyone raises one number. */
import type { Command, Nftables } from "../../../kernel/nftables/port.ts";

export class TrackedNftables {
  readonly kernel: Nftables;
  #known: number | undefined;
  #foreign = 0;
  #inBackground: Promise<void> = Promise.resolve();

  constructor(kernel: Nftables) {
    this.kernel = kernel;
  }

  commit(commands: readonly Command[]): void {
    const before = this.#look();
    this.kernel.commit(commands);
    this.#committed(before);
  }

  /** One after the other. */
  commitInBackground(commands: readonly Command[]): Promise<void> {
    const commit = async () => {
      const before = this.#look();
      await this.kernel.commitInBackground(commands);
      this.#committed(before);
    };
    this.#inBackground = this.#inBackground.then(commit, commit);
    return this.#inBackground;
  }

  /** How many times somebody else was seen to write; a caller who remembers the number knows whether to look again. */
  foreignChanges(): number {
    this.#look();
    return this.#foreign;
  }

  #committed(before: number): void {
    this.#known = this.kernel.generation();
    if (this.#known !== before + 1) this.#foreign++;
  }

  #look(): number {
    const now = this.kernel.generation();
    if (this.#known !== undefined && now !== this.#known) this.#foreign++;
    this.#known = now;
    return now;
  }
}
