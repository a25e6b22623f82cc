/** Makes a Pod's volumes as directories of the machine, to be mounted into its containers. */
import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Container, HostPathVolumeSource, Volume } from "kubernetes-types/core/v1";
import { expand } from "../environment/expand.ts";
import { ContainerConfigError } from "../environment/field-ref.ts";
import type { Mount } from "../runtime/container-runtime.ts";
import { type VolumeInputs, volumeFiles } from "./volume-files.ts";

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

async function kindOf(path: string): Promise<"directory" | "file" | "socket" | "other" | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return undefined;
  return found.isDirectory() ? "directory" : found.isFile() ? "file" : found.isSocket() ? "socket" : "other";
}

/** core/v1 HostPathVolumeSource.type. */
async function hostPath({ path, type = "" }: HostPathVolumeSource): Promise<string> {
  if (type === "DirectoryOrCreate") await mkdir(path, { recursive: true, mode: 0o755 });
  if (type === "FileOrCreate") await writeFile(path, "", { flag: "a" });
  const wanted = (
    {
      Directory: "directory",
      DirectoryOrCreate: "directory",
      File: "file",
      FileOrCreate: "file",
      Socket: "socket",
    } as const
  )[type];
  const found = await kindOf(path);
  if (wanted ? found !== wanted : type === "" && !found) {
    throw new Error(`hostPath type check failed: ${path} is not ${wanted ? `a ${wanted}` : "there"}`);
  }
  return path;
}

async function makeVolume(volume: Volume, directories: VolumeDirectories, inputs: VolumeInputs): Promise<string> {
  if (volume.hostPath) return hostPath(volume.hostPath);
  const files = volumeFiles(volume, inputs);
  const inMemory = files !== undefined || volume.emptyDir?.medium === "Memory";
  const path = join(inMemory ? directories.memory : directories.disk, volume.name);
  if (!files && !volume.emptyDir) {
    const kind = Object.keys(volume).find((key) => key !== "name");
    throw new Error(
      `volumes of type ${kind} are not supported by fairlead: use emptyDir, hostPath, configMap, secret, downwardAPI or projected`,
    );
  }
  await mkdir(path, { recursive: true });
  if (!files) await chmod(path, 0o777);
  for (const file of files ?? []) {
    await mkdir(dirname(join(path, file.path)), { recursive: true });
    await writeFile(join(path, file.path), file.content, { mode: file.mode });
  }
  return path;
}

/** Paths by the volumes' names; throws VolumeError. May be called again: directories stay, files are written anew. */
export async function makeVolumes(
  volumes: readonly Volume[],
  { directories, inputs }: { directories: VolumeDirectories; inputs: VolumeInputs },
): Promise<ReadonlyMap<string, string>> {
  const paths = new Map<string, string>();
  for (const volume of volumes) {
    try {
      paths.set(volume.name, await makeVolume(volume, directories, inputs));
    } catch (error) {
      throw new VolumeError(volume.name, error instanceof Error ? error.message : String(error));
    }
  }
  return paths;
}

/** The container's mounts, parents before children. A subPath that is not there is made as a directory. */
export async function volumeMounts(
  { volumeMounts: mounts = [] }: Container,
  { paths, env }: { paths: ReadonlyMap<string, string>; env: Readonly<Record<string, string>> },
): Promise<Mount[]> {
  const made = mounts.map(async ({ name, mountPath, subPath, subPathExpr, readOnly = false }): Promise<Mount> => {
    const volume = paths.get(name);
    if (volume === undefined) throw new ContainerConfigError(`there is no volume "${name}" in the Pod`);
    const inner = subPath ?? expand(subPathExpr ?? "", env);
    if (inner.split("/").includes(".."))
      throw new ContainerConfigError(`cannot use subPath "${inner}": must not contain ".."`);
    const source = join(volume, inner);
    if (!(await kindOf(source))) await mkdir(source, { recursive: true });
    return { source, target: mountPath.startsWith("/") ? mountPath : `/${mountPath}`, readOnly };
  });
  return (await Promise.all(made)).sort((a, b) => a.target.split("/").length - b.target.split("/").length);
}
