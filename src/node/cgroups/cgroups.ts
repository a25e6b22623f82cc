/** The cgroups of a node's containers: `<root>/fairlead-<cluster>/<node>/<container>`. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { allOwnCgroups, findHierarchies, type Hierarchies, mountPoints } from "./hierarchies.ts";
import { type CgroupVersion, controllers, oomKills, type ResourceLimits, settingsOf } from "./settings.ts";

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

const facts = () => ({ mountinfo: read("/proc/self/mountinfo") ?? "", selfCgroup: read("/proc/self/cgroup") ?? "" });
const detect = (): Hierarchies | undefined => findHierarchies(facts(), read);

/** Told from those of other clusters of this machine. */
export const clusterName = (runDir: string): string =>
  `fairlead-${createHash("sha256").update(runDir).digest("hex").slice(0, 12)}`;

const rootsOf = ({ roots }: Hierarchies): string[] => [...new Set(Object.values(roots))];

/** From the leaves up; those with processes stay. */
function removeTree(path: string): void {
  try {
    for (const name of readdirSync(path)) {
      if (statSync(join(path, name)).isDirectory()) removeTree(join(path, name));
    }
    rmdirSync(path);
  } catch {
    // Gone already, or in use.
  }
}

/** Takes away all cgroups of a cluster, whose processes have ended. An OCI runtime makes some of every controller. */
export function removeClusterCgroups(runDir: string): void {
  const hierarchies = detect();
  const roots = hierarchies ? [...rootsOf(hierarchies), ...allOwnCgroups(facts(), read)] : [];
  for (const root of roots) removeTree(join(root, clusterName(runDir)));
}

/** Takes away a cgroup at the top of each hierarchy, with those in it whose processes have ended. */
export function removeTopCgroups(name: string): void {
  for (const point of mountPoints(facts().mountinfo)) removeTree(join(point, name));
}

export class Cgroups {
  readonly #hierarchies: Hierarchies;
  readonly #place: string;

  private constructor(hierarchies: Hierarchies, place: string) {
    this.#hierarchies = hierarchies;
    this.#place = place;
  }

  /** Or one sentence that says why there are none. */
  static open({ runDir, nodeName }: { runDir: string; nodeName: string }): Cgroups | { readonly reason: string } {
    const hierarchies = detect();
    if (!hierarchies) return { reason: "this machine shows no cgroups with the controllers memory, cpu and pids" };
    const cgroups = new Cgroups(hierarchies, join(clusterName(runDir), nodeName));
    try {
      cgroups.#makeNode(clusterName(runDir));
      return cgroups;
    } catch (error) {
      return { reason: `cgroups cannot be made here (${(error as Error).message}); start fairlead as root` };
    }
  }

  get version(): CgroupVersion {
    return this.#hierarchies.version;
  }

  /** Where an OCI runtime is to make it: in version 1 from its own cgroup on, as these are. */
  pathFor(id: string): string {
    return join(this.version === 2 ? "/" : "", this.#place, id);
  }

  /** Makes it; what writes "0" into the files that are returned is in it. */
  create(id: string, limits: ResourceLimits): string[] {
    const { version, roots } = this.#hierarchies;
    const paths = this.#paths(id);
    for (const path of paths) mkdirSync(path, { recursive: true });
    for (const { controller, file, value } of settingsOf(limits, version)) {
      writeFileSync(join(roots[controller], this.#place, id, file), value);
    }
    return this.procs(id);
  }

  procs(id: string): string[] {
    return this.#paths(id).map((path) => join(path, "cgroup.procs"));
  }

  wasShortOfMemory(id: string): boolean {
    const { version, roots } = this.#hierarchies;
    const file = version === 2 ? "memory.events" : "memory.oom_control";
    return oomKills(read(join(roots.memory, this.#place, id, file)) ?? "") > 0;
  }

  /** Ids of the containers that have some. */
  list(): string[] {
    const found = rootsOf(this.#hierarchies).flatMap((root) =>
      readdirSync(join(root, this.#place), { withFileTypes: true }),
    );
    return [...new Set(found.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])))];
  }

  remove(id: string): void {
    for (const path of this.#paths(id)) removeTree(path);
  }

  #paths(id: string): string[] {
    return rootsOf(this.#hierarchies).map((root) => join(root, this.#place, id));
  }

  #makeNode(cluster: string): void {
    const { version, roots } = this.#hierarchies;
    for (const root of rootsOf(this.#hierarchies)) mkdirSync(join(root, this.#place), { recursive: true });
    if (version === 1) return;
    const enabled = controllers.map((controller) => `+${controller}`).join(" ");
    for (const path of ["", cluster, this.#place])
      writeFileSync(join(roots.memory, path, "cgroup.subtree_control"), enabled);
  }
}
