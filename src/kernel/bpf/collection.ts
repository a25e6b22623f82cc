/**
 * Maps and programs of one object, kept over a restart by pins:
 *
 *   <folder>/maps/<map>        read back by the next process
 *   <folder>/links/<program>   keep the programs attached while no process runs
 *
 * Without a folder they live as long as the process.
 */
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { close } from "../ffi.ts";
import type { Section } from "./constants.ts";
import { BpfMap } from "./map.ts";
import { type BpfObject, linkProgram } from "./object.ts";
import { createLink, createMap, loadProgram, mapShapeOf, openPinned, pin, updateLink } from "./syscall.ts";

export interface CollectionOptions {
  readonly object: BpfObject;
  /** In a bpffs; its parent must exist. */
  readonly folder: string | undefined;
  /** Are the maps that a former process left ours to go on with? */
  readonly accepts: (maps: ReadonlyMap<string, BpfMap>) => boolean;
  /** The map that `accepts` decides by: pinned last, so that half a set is never taken for a whole one. */
  readonly markerMap: string;
}

export class Collection {
  readonly maps: ReadonlyMap<string, BpfMap>;
  /** The maps are those of a former process. */
  readonly adopted: boolean;
  readonly #options: CollectionOptions;
  readonly #links = new Map<Section, number>();

  constructor(options: CollectionOptions) {
    this.#options = options;
    const left = openMaps(options);
    this.adopted = left !== undefined;
    this.maps = left ?? createMaps(options.object);
  }

  /** Attaches every program that is not yet; programs that a former process left give way to ours at one stroke. Returns how many were missing. */
  attach(target: number): number {
    const { object, folder } = this.#options;
    const missing = object.programs.filter(({ section }) => !this.#isAttached(section));
    if (missing.length === 0) return 0;
    if (folder) mkdirSync(join(folder, "links"), { recursive: true });
    const descriptors = new Map([...this.maps].map(([name, { fd }]) => [name, fd]));
    for (const program of missing) {
      const fd = loadProgram(program.section, linkProgram(program, descriptors));
      try {
        this.#attach(program.section, fd, target);
      } finally {
        close(fd);
      }
    }
    if (folder && !this.adopted) this.#pinMaps(folder);
    return missing.length;
  }

  /** Detaches the programs and forgets the maps. */
  remove(): void {
    this.close();
    const { folder } = this.#options;
    if (!folder || !existsSync(folder)) return;
    for (const part of ["links", "maps"]) removeFolder(join(folder, part));
    rmdirSync(folder);
  }

  /** Pinned ones stay. */
  close(): void {
    for (const fd of this.#links.values()) close(fd);
    this.#links.clear();
    for (const map of this.maps.values()) map.close();
  }

  #isAttached(section: Section): boolean {
    const path = this.#linkPath(section);
    if (path === undefined) return this.#links.has(section);
    return existsSync(path) && (this.adopted || this.#links.has(section));
  }

  #attach(section: Section, program: number, target: number): void {
    const path = this.#linkPath(section);
    const left = path !== undefined && existsSync(path) ? openPinned(path) : undefined;
    const link = left ?? createLink(program, target, section);
    const former = this.#links.get(section);
    if (former !== undefined) close(former);
    this.#links.set(section, link);
    if (left !== undefined) updateLink(left, program);
    else if (path !== undefined) pin(link, path);
  }

  #linkPath(section: Section): string | undefined {
    const { folder } = this.#options;
    return folder && join(folder, "links", section.replace(/.*\//, ""));
  }

  #pinMaps(folder: string): void {
    const { markerMap } = this.#options;
    mkdirSync(join(folder, "maps"), { recursive: true });
    const last = (name: string): number => (name === markerMap ? 1 : 0);
    for (const [name, { fd }] of [...this.maps].sort(([a], [b]) => last(a) - last(b))) {
      const path = join(folder, "maps", name);
      rmSync(path, { force: true });
      pin(fd, path);
    }
  }
}

function createMaps({ maps }: BpfObject): Map<string, BpfMap> {
  return new Map([...maps].map(([name, shape]) => [name, new BpfMap(name, createMap(name, shape), shape)]));
}

/** All maps of the object, or none. */
function openMaps({ object, folder, accepts }: CollectionOptions): Map<string, BpfMap> | undefined {
  if (!folder) return undefined;
  const names = [...object.maps.keys()];
  if (!names.every((name) => existsSync(join(folder, "maps", name)))) return undefined;
  const maps = new Map(
    names.map((name) => {
      const fd = openPinned(join(folder, "maps", name));
      return [name, new BpfMap(name, fd, mapShapeOf(fd))];
    }),
  );
  const fits = [...object.maps].every(
    ([name, { keySize, valueSize }]) =>
      maps.get(name)?.shape.keySize === keySize && maps.get(name)?.shape.valueSize === valueSize,
  );
  if (fits && accepts(maps)) return maps;
  for (const map of maps.values()) map.close();
  return undefined;
}

function removeFolder(path: string): void {
  if (!existsSync(path)) return;
  for (const name of readdirSync(path)) rmSync(join(path, name));
  rmdirSync(path);
}
