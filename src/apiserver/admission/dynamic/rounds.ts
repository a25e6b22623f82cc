/** Who has run, and who runs once more because one behind it changed the object (reinvocationPolicy IfNeeded). */
import type { JsonObject } from "../../../api/json.ts";

export class Rounds {
  readonly #willing = new Set<string>();
  readonly #repeated = new Set<string>();
  changed = false;
  /** The object as the last of them left it. */
  output: JsonObject | null = null;

  isRepeated(key: string): boolean {
    return this.#repeated.has(key);
  }

  /** All that ran so far, and are willing, run once more. */
  repeatAsked(): void {
    for (const key of this.#willing) this.#repeated.add(key);
    this.#willing.clear();
  }

  ran(key: string, { changed, willing }: { changed: boolean; willing: boolean }): void {
    if (changed) {
      this.changed = true;
      this.repeatAsked();
    }
    if (willing) this.#willing.add(key);
  }
}
