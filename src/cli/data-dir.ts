/** The data folder of a cluster: where it is, what stands where in it, and who uses it. */

import {
  accessSync,
  chmodSync,
  constants,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import type { Tier } from "../kernel/capabilities.ts";
import { isAlive, type ProcessIdentity } from "../kernel/processes.ts";
import type { ClusterConfig } from "./cluster.ts";
import { CliError, errorCode } from "./errors.ts";

/** $XDG_DATA_HOME/fairlead for an ordinary user, /var/lib/fairlead for root. */
export function defaultDataDir(env: NodeJS.ProcessEnv = process.env, uid = process.getuid?.() ?? 0): string {
  if (uid === 0) return "/var/lib/fairlead";
  const data = env.XDG_DATA_HOME;
  return join(data && isAbsolute(data) ? data : join(homedir(), ".local", "share"), "fairlead");
}

export const dataDirOf = (option: string | undefined): string => (option ? resolve(option) : defaultDataDir());

/** Where agents ask for images of registries. */
export const imageSocket = (dataDir: string): string => join(dataDir, "sockets", "images.sock");

export const paths = (dataDir: string) => ({
  pki: join(dataDir, "pki"),
  store: join(dataDir, "store"),
  logs: join(dataDir, "logs"),
  kubeconfigs: join(dataDir, "kubeconfigs"),
  images: join(dataDir, "images"),
  /** The agents': logs and volumes of Pods. */
  nodes: join(dataDir, "nodes"),
  /** Unix sockets that reach from inside the cluster's namespaces to the supervisor. */
  sockets: join(dataDir, "sockets"),
  /** Mount point of the cluster's tmpfs: empty outside its mount namespace. */
  run: join(dataDir, "run"),
  state: join(dataDir, "cluster.json"),
});

/** What `up` leaves for `status`, `shell` and `down` to find. */
export interface ClusterState {
  readonly tier: Tier;
  readonly supervisor: ProcessIdentity;
  /** Init of the cluster's pid namespace, as the host numbers it: its namespaces are the cluster's. */
  readonly holder: ProcessIdentity;
  readonly kubeconfig: { readonly path: string; readonly context: string };
  readonly config: ClusterConfig;
  readonly ready: boolean;
}

/** Makes the folder; throws CliError when it cannot be written. */
export function makeDataDir(dataDir: string): void {
  const all = paths(dataDir);
  try {
    for (const dir of [dataDir, all.logs, all.kubeconfigs, all.sockets, all.run, all.images]) {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
    }
    accessSync(dataDir, constants.W_OK | constants.X_OK);
  } catch (error) {
    const why = errorCode(error) ?? (error as Error).message;
    throw new CliError(`Cannot write the data folder "${dataDir}" (${why}): choose another with --data DIR.`);
  }
}

export function readState(dataDir: string): ClusterState | undefined {
  try {
    return JSON.parse(readFileSync(paths(dataDir).state, "utf8")) as ClusterState;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    if (error instanceof SyntaxError) return undefined;
    throw new CliError(
      `Cannot read the data folder "${dataDir}" (${errorCode(error)}): choose another with --data DIR.`,
    );
  }
}

export function writeState(dataDir: string, state: ClusterState): void {
  const path = paths(dataDir).state;
  writeFileSync(`${path}.new`, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Of a cluster that runs now; throws CliError when there is none. */
export function runningState(dataDir: string): ClusterState {
  const state = readState(dataDir);
  if (state && isAlive(state.supervisor)) return state;
  throw new CliError(`No cluster runs with the data folder "${dataDir}": start one with "fairlead up".`);
}

/** Removes what belongs to one run, or with `everything` the whole folder. */
export function removeData(dataDir: string, everything: boolean): void {
  const { state, sockets, run, ...kept } = paths(dataDir);
  const own = everything ? [state, sockets, run, ...Object.values(kept)] : [state, sockets];
  for (const path of own) removeTree(path);
  if (everything) removeEmpty(dataDir);
}

/** Programs in containers and overlays leave folders that an ordinary user must open before they can be removed. */
function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    if (errorCode(error) !== "EACCES") throw error;
    openFolders(path);
    rmSync(path, { recursive: true, force: true });
  }
}

function openFolders(path: string): void {
  chmodSync(path, 0o700);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) openFolders(join(path, entry.name));
  }
}

function removeEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch {
    // Something of somebody else is in it: it stays.
  }
}
