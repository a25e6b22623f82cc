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

/** Where programs are attached. */
export interface Place {
  /** The first word of their sections. */
  readonly kind: "cgroup" | "tcx";
  /** A cgroup's descriptor, or the number of a network device of the thread's network namespace. */
  readonly target: number;
  /** Tells places of one kind apart: "_" and a number. */
  readonly suffix?: string;
}

const nameOf = (section: Section, suffix: string): string => section.replace(/.*\//, "") + suffix;

export class Collection {
  readonly maps: ReadonlyMap<string, BpfMap>;
  /** The maps are those of a former process. */
  readonly adopted: boolean;
  readonly #options: CollectionOptions;
  /** By name, e.g. "connect4", "ingress_2". */
  readonly #links = new Map<string, number>();
  #isKept = false;

  constructor(options: CollectionOptions) {
    this.#options = options;
    const left = openMaps(options);
    this.adopted = left !== undefined;
    this.maps = left ?? createMaps(options.object);
  }

  /** Attaches every program of the kind that is not yet; programs that a former process left give way to ours at one stroke. */
  attach({ kind, target, suffix = "" }: Place): void {
    const { object, folder } = this.#options;
    const missing = object.programs.filter(
      ({ section }) => section.startsWith(`${kind}/`) && !this.#isAttached(nameOf(section, suffix)),
    );
    if (missing.length === 0) return;
    if (folder) mkdirSync(join(folder, "links"), { recursive: true });
    const descriptors = new Map([...this.maps].map(([name, { fd }]) => [name, fd]));
    for (const program of missing) {
      const fd = loadProgram(program.section, linkProgram(program, descriptors));
      try {
        this.#attach({ section: program.section, name: nameOf(program.section, suffix), program: fd, target });
      } finally {
        close(fd);
      }
    }
  }

  /** After all programs: the next process then knows that they use these maps. */
  keep(): void {
    const { folder, markerMap } = this.#options;
    const isKept = this.adopted || this.#isKept;
    // Somebody else may have taken the pins away.
    if (folder && !(isKept && existsSync(join(folder, "maps", markerMap)))) this.#pinMaps(folder);
    this.#isKept = true;
  }

  /** Detaches programs with a suffix that is not among `wanted`: their device is gone, or is none of ours any more. */
  detachOthers(wanted: ReadonlySet<string>): void {
    const { folder } = this.#options;
    const path = folder && join(folder, "links");
    const pinned = path && existsSync(path) ? readdirSync(path) : [];
    for (const name of new Set([...pinned, ...this.#links.keys()])) {
      const [, suffix] = name.split("_");
      if (suffix === undefined || wanted.has(`_${suffix}`)) continue;
      const fd = this.#links.get(name);
      if (fd !== undefined) close(fd);
      this.#links.delete(name);
      if (path) rmSync(join(path, name), { force: true });
    }
  }

  /** Detaches the programs and forgets the maps. */
  remove(): void {
    this.close();
    if (this.#options.folder) removePins(this.#options.folder);
  }

  /** Pinned ones stay. */
  close(): void {
    for (const fd of this.#links.values()) close(fd);
    this.#links.clear();
    for (const map of this.maps.values()) map.close();
  }

  #isAttached(name: string): boolean {
    const path = this.#linkPath(name);
    if (path === undefined) return this.#links.has(name);
    return existsSync(path) && (this.adopted || this.#links.has(name));
  }

  #attach(link: {
    readonly section: Section;
    readonly name: string;
    readonly program: number;
    readonly target: number;
  }): void {
    const { section, name, program, target } = link;
    const path = this.#linkPath(name);
    const left = path !== undefined && existsSync(path) ? openPinned(path) : undefined;
    const own = left ?? createLink(program, target, section);
    const former = this.#links.get(name);
    if (former !== undefined) close(former);
    this.#links.set(name, own);
    if (left !== undefined) updateLink(left, program);
    else if (path !== undefined) pin(own, path);
  }

  #linkPath(name: string): string | undefined {
    const { folder } = this.#options;
    return folder && join(folder, "links", name);
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

/** Detaches the programs that the folder's links keep, whoever made them. */
export function removePins(folder: string): void {
  for (const part of ["links", "maps"]) removeFolder(join(folder, part));
  if (existsSync(folder)) rmdirSync(folder);
}

function removeFolder(path: string): void {
  if (!existsSync(path)) return;
  for (const name of readdirSync(path)) rmSync(join(path, name));
  rmdirSync(path);
}
