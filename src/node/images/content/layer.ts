/** Applies one layer to a root folder. Source: OCI image-spec v1.1, layer.md. */
import { createWriteStream, lstatSync, readlinkSync } from "node:fs";
import { chmod, lchown, link, lstat, lutimes, mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { resolveInRoot } from "../../runtime/resolve-in-root.ts";
import { ImageError } from "./manifest.ts";
import { eachTarEntry, type TarEntry, tarPath } from "./tar-entries.ts";

const whiteoutPrefix = ".wh.";
const opaqueWhiteout = ".wh..wh..opq";
/** Bigger files are not read into memory. */
const smallFileBytes = 1 << 20;

export interface LayerOptions {
  readonly root: string;
  /** False where only one user exists: everything is that user's then. */
  readonly keepOwners: boolean;
}

const readLink = (path: string): string | undefined =>
  lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(path) : undefined;

class LayerUnpacker {
  readonly #options: LayerOptions;
  /** Paths that this very layer has brought, with their parents: its opaque whiteouts do not hide them. */
  readonly #added = new Set<string>();
  /** Set at the end: a folder may forbid what still has to be made in it. */
  readonly #folders = new Map<string, TarEntry>();

  constructor(options: LayerOptions) {
    this.#options = options;
  }

  async apply(entry: TarEntry): Promise<void> {
    const names = this.#namesOf(entry.path);
    const name = names.at(-1);
    if (name === undefined) {
      if (entry.type === "Directory") this.#folders.set(this.#options.root, entry);
      return;
    }
    const parent = await this.#parent(names);
    if (name === opaqueWhiteout) return this.#hideAll(parent);
    // Other names with two prefixes are notes of a former storage driver.
    if (name.startsWith(whiteoutPrefix + whiteoutPrefix)) return;
    if (name.startsWith(whiteoutPrefix)) return this.#hide(join(parent, this.#hiddenName(name)));
    await this.#make(entry, join(parent, name));
  }

  async finish(): Promise<void> {
    // Deepest first, so that the times of a folder stay.
    const folders = [...this.#folders].sort(([a], [b]) => b.length - a.length);
    for (const [path, entry] of folders) {
      const stat = await lstat(path).catch(() => undefined);
      if (stat?.isDirectory()) await this.#setAttributes(path, entry);
    }
  }

  #namesOf(path: string): readonly string[] {
    const names = tarPath(path);
    if (names) return names;
    throw new ImageError(`Cannot unpack the layer: the path "${path}" leads out of its root`);
  }

  #hiddenName(name: string): string {
    const hidden = name.slice(whiteoutPrefix.length);
    if (hidden !== "" && hidden !== "." && hidden !== "..") return hidden;
    throw new ImageError(`Cannot unpack the layer: the whiteout "${name}" names no file`);
  }

  /** The machine's path of a folder that is there, or is made now. */
  async #parent(names: readonly string[]): Promise<string> {
    const parent = this.#resolve(names.slice(0, -1).join("/"));
    await mkdir(parent, { recursive: true });
    return parent;
  }

  #resolve(path: string, keepLast = false): string {
    const { root } = this.#options;
    const resolved = resolveInRoot(root, path, { readLink, keepLast });
    if (resolved === undefined) throw new ImageError(`Cannot unpack the layer: too many links on the way to "${path}"`);
    return join(root, resolved);
  }

  async #hideAll(folder: string): Promise<void> {
    for (const name of await readdir(folder)) await this.#hide(join(folder, name));
  }

  async #hide(path: string): Promise<void> {
    if (!this.#added.has(path)) return rm(path, { recursive: true, force: true });
    const stat = await lstat(path).catch(() => undefined);
    if (stat?.isDirectory()) await this.#hideAll(path);
  }

  async #make(entry: TarEntry, path: string): Promise<void> {
    for (let one = path; one !== this.#options.root && !this.#added.has(one); one = dirname(one)) this.#added.add(one);
    const before = await lstat(path).catch(() => undefined);
    if (entry.type === "Directory") {
      if (!before?.isDirectory()) {
        if (before) await rm(path);
        await mkdir(path);
      }
      this.#folders.set(path, entry);
      return;
    }
    if (before) await rm(path, { recursive: true, force: true });
    if (await this.#makeFile(entry, path)) await this.#setAttributes(path, entry);
  }

  /** False when there is nothing whose attributes could be set. */
  async #makeFile(entry: TarEntry, path: string): Promise<boolean> {
    const linkTarget = entry.linkpath ?? "";
    switch (entry.type) {
      case "File":
      case "OldFile":
      case "ContiguousFile":
        if (entry.size <= smallFileBytes) await writeFile(path, await entry.concat(), { flag: "wx" });
        else await pipeline(entry as AsyncIterable<Buffer>, createWriteStream(path, { flags: "wx" }));
        return true;
      case "SymbolicLink":
        await symlink(linkTarget, path);
        return true;
      case "Link":
        await this.#makeHardLink(linkTarget, path);
        return false;
      default:
        // Devices are the runtime's to give; a FIFO in an image is of no use.
        return false;
    }
  }

  async #makeHardLink(target: string, path: string): Promise<void> {
    const existing = this.#resolve(this.#namesOf(target).join("/"), true);
    await link(existing, path).catch((error: unknown) => {
      throw new ImageError(`Cannot unpack the layer: it links to "${target}", which is not there`, { cause: error });
    });
  }

  async #setAttributes(path: string, entry: TarEntry): Promise<void> {
    const { keepOwners } = this.#options;
    if (keepOwners) await lchown(path, entry.uid ?? 0, entry.gid ?? 0);
    const isLink = entry.type === "SymbolicLink";
    // Without other users a folder stays its owner's to remove; user 0 of a namespace may do everything in it anyway.
    const least = !keepOwners && entry.type === "Directory" ? 0o700 : 0;
    if (!isLink) await chmod(path, ((entry.mode ?? 0o755) & 0o7777) | least);
    if (entry.mtime) await lutimes(path, entry.mtime, entry.mtime);
  }
}

/** `source` is a tar, decompressed. Rejects with ImageError for a layer that is damaged or leads out of its root. */
export async function applyLayer(source: AsyncIterable<Buffer>, options: LayerOptions): Promise<void> {
  const unpacker = new LayerUnpacker(options);
  await eachTarEntry(source, (entry) => unpacker.apply(entry));
  await unpacker.finish();
}
