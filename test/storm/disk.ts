/** A small file system that can be filled. Needs a mount namespace of its own (see scripts/isolated.ts). */
import { execFileSync } from "node:child_process";
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const sizeMb = 24;

export class SmallDisk {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeMb}m`, "tmpfs", dir]);
  }

  /** Leaves about `freeBytes`. */
  fill(freeBytes: number): void {
    const { bavail, bsize } = statfsSync(this.#dir);
    const bytes = Math.max(0, bavail * bsize - freeBytes);
    try {
      writeFileSync(join(this.#dir, "filler"), Buffer.alloc(bytes));
    } catch {
      // The server was quicker: the disk is full, as it should be.
    }
  }

  empty(): void {
    rmSync(join(this.#dir, "filler"), { force: true });
  }

  unmount(): void {
    execFileSync("umount", ["--lazy", this.#dir]);
  }
}
