/** Makes a Pod's volumes as directories of the machine, to be mounted into its containers. */
import { createHash } from "node:crypto";
import { chmod, chown, mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type {
  Container,
  EmptyDirVolumeSource,
  HostPathVolumeSource,
  Volume,
  VolumeMount,
} from "kubernetes-types/core/v1";
import { wholeValueOf } from "../../api/quantity.ts";
import { expand } from "../environment/expand.ts";
import { ContainerConfigError } from "../environment/field-ref.ts";
import type { Mount } from "../runtime/container-runtime.ts";
import { machineFiles } from "../runtime/file-view.ts";
import { resolveInRoot } from "../runtime/resolve-in-root.ts";
import { replaceFiles } from "./atomic-files.ts";
import { type VolumeFile, type VolumeInputs, volumeFiles } from "./volume-files.ts";

export interface VolumeDirectories {
  /** On disk: emptyDir. */
  readonly disk: string;
  /** In memory: emptyDir of medium Memory, ConfigMaps and Secrets. */
  readonly memory: string;
}

/** A volume that cannot be made; `volume` is its name. */
export class VolumeError extends Error {
  readonly volume: string;
  constructor(volume: string, message: string) {
    super(message);
    this.volume = volume;
  }
}

type Kind = "directory" | "file" | "socket" | "character device" | "block device" | "other";

async function kindOf(path: string): Promise<Kind | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return undefined;
  if (found.isDirectory()) return "directory";
  if (found.isFile()) return "file";
  if (found.isSocket()) return "socket";
  if (found.isCharacterDevice()) return "character device";
  return found.isBlockDevice() ? "block device" : "other";
}

const wantedKinds: Readonly<Record<string, Kind>> = {
  Directory: "directory",
  DirectoryOrCreate: "directory",
  File: "file",
  FileOrCreate: "file",
  Socket: "socket",
  CharDevice: "character device",
  BlockDevice: "block device",
};

/** core/v1 HostPathVolumeSource.type; without one a path that is not there becomes a directory, as runtimes do. */
async function hostPath({ path, type = "" }: HostPathVolumeSource): Promise<string> {
  const found = await kindOf(path);
  if (!found && (type === "" || type === "DirectoryOrCreate")) await mkdir(path, { recursive: true, mode: 0o755 });
  if (!found && type === "FileOrCreate") await writeFile(path, "", { flag: "a", mode: 0o644 });
  const wanted = wantedKinds[type];
  if (wanted && (await kindOf(path)) !== wanted)
    throw new Error(`hostPath type check failed: ${path} is not a ${type}`);
  return path;
}

/** Source: core/v1 EmptyDirVolumeSource; PodSecurityContext.fsGroup. */
async function emptyDir(
  path: string,
  { medium, sizeLimit }: EmptyDirVolumeSource,
  options: VolumeOptions,
): Promise<string> {
  await mkdir(path, { recursive: true });
  const bytes = (medium === "Memory" ? wholeValueOf(sizeLimit) : undefined) ?? 0;
  if (bytes > 0) options.mountMemory(path, bytes);
  const { group } = options;
  if (group !== undefined) await chown(path, 0, group);
  await chmod(path, group === undefined ? 0o777 : 0o2777);
  return path;
}

const isFiles = ({ configMap, secret, downwardAPI, projected }: Volume): boolean =>
  Boolean(configMap ?? secret ?? downwardAPI ?? projected);

async function makeVolume(volume: Volume, options: VolumeOptions): Promise<string> {
  const { directories, written } = options;
  if (volume.hostPath) return hostPath(volume.hostPath);
  const inMemory = isFiles(volume) || volume.emptyDir?.medium === "Memory";
  const path = join(inMemory ? directories.memory : directories.disk, volume.name);
  if (volume.emptyDir) return emptyDir(path, volume.emptyDir, options);
  const files = volumeFiles(volume, options.inputs);
  if (files) {
    const digest = digestOf(files);
    if (written.get(volume.name) !== digest) await replaceFiles(path, files, options);
    written.set(volume.name, digest);
    return path;
  }
  const kind = Object.keys(volume).find((key) => key !== "name");
  throw new Error(
    `volumes of type ${kind} are not supported by fairlead: use emptyDir, hostPath, configMap, secret, downwardAPI or projected`,
  );
}

function digestOf(files: readonly VolumeFile[]): string {
  const hash = createHash("sha256");
  for (const { path, content, mode } of files) hash.update(`${path}\0${mode}\0${content.length}\0`).update(content);
  return hash.digest("hex");
}

export interface VolumeOptions {
  readonly directories: VolumeDirectories;
  readonly inputs: VolumeInputs;
  /** The Pod's fsGroup. */
  readonly group?: number | undefined;
  /** A file system in memory of so many bytes at the directory, unless it is there. */
  readonly mountMemory: (directory: string, bytes: number) => void;
  /** What the volumes of files hold, by name: kept by the caller from one call to the next. */
  readonly written: Map<string, string>;
}

/** Paths by the volumes' names; throws VolumeError. May be called again: files that are others by now are replaced. */
export async function makeVolumes(
  volumes: readonly Volume[],
  options: VolumeOptions,
): Promise<ReadonlyMap<string, string>> {
  const paths = new Map<string, string>();
  for (const volume of volumes) {
    try {
      paths.set(volume.name, await makeVolume(volume, options));
    } catch (error) {
      throw new VolumeError(volume.name, error instanceof Error ? error.message : String(error));
    }
  }
  return paths;
}

/** The volumes that follow API objects. */
export const changingVolumes = (volumes: readonly Volume[]): Volume[] => volumes.filter(isFiles);

/** Links in a volume are its writers': they must not lead out of it. */
async function subPathOf(
  volume: string,
  { subPath, subPathExpr }: VolumeMount,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const inner = subPath ?? expand(subPathExpr ?? "", env);
  if (inner === "") return volume;
  if (inner.startsWith("/") || inner.split("/").includes(".."))
    throw new ContainerConfigError(`cannot use subPath "${inner}": must be relative, without ".."`);
  if (subPath === undefined && /\$\([^)]*\)/.test(inner))
    throw new ContainerConfigError(
      `cannot use subPathExpr "${subPathExpr}": it names a variable that the container has not`,
    );
  const resolved = resolveInRoot(volume, inner, machineFiles);
  if (resolved === undefined)
    throw new ContainerConfigError(`cannot use subPath "${inner}": its links lead in a circle`);
  const path = join(volume, resolved);
  if (!(await kindOf(path))) await mkdir(path, { recursive: true, mode: 0o750 });
  return path;
}

/** Of newer releases than the types have. */
interface NewerMount {
  readonly recursiveReadOnly?: string;
}

/** The container's mounts, parents before children. A subPath that is not there is made as a directory. */
export async function volumeMounts(
  { volumeMounts: mounts = [] }: Container,
  { paths, env }: { paths: ReadonlyMap<string, string>; env: Readonly<Record<string, string>> },
): Promise<Mount[]> {
  const made = mounts.map(async (mount): Promise<Mount> => {
    const volume = paths.get(mount.name);
    if (volume === undefined) throw new ContainerConfigError(`there is no volume "${mount.name}" in the Pod`);
    const source = await subPathOf(volume, mount, env);
    const { mountPath, readOnly = false, recursiveReadOnly = "Disabled" } = mount as VolumeMount & NewerMount;
    const recursive = readOnly && recursiveReadOnly !== "Disabled";
    const target = mountPath.startsWith("/") ? mountPath : `/${mountPath}`;
    return { source, target, readOnly, ...(recursive && { recursive }) };
  });
  return (await Promise.all(made)).sort((a, b) => a.target.split("/").length - b.target.split("/").length);
}
