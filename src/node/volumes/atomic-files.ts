/** Files of a volume that change all at once: readers see the old ones or the new ones. The layout is the kubelet's: `name` → `..data/name`, `..data` → `..<time>`. */
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import type { VolumeFile } from "./volume-files.ts";

const dataLink = "..data";

async function writePayload(directory: string, files: readonly VolumeFile[], group: number | undefined): Promise<void> {
  await chmod(directory, 0o755);
  for (const { path, content, mode } of files) {
    const file = join(directory, path);
    await mkdir(dirname(file), { recursive: true, mode: 0o755 });
    await writeFile(file, content);
    // The mode as it is asked for, whatever the umask; a Pod's group may read its files.
    await chmod(file, group === undefined ? mode : mode | 0o440);
    if (group !== undefined) await chown(file, 0, group);
  }
}

async function link(target: string, path: string): Promise<void> {
  await rm(`${path}.new`, { force: true });
  await symlink(target, `${path}.new`);
  await rename(`${path}.new`, path);
}

/** Links for the first names of the files, and none for others. */
async function linkNames(directory: string, files: readonly VolumeFile[]): Promise<void> {
  const names = new Set(files.map(({ path }) => path.split("/")[0] ?? ""));
  for (const name of names) {
    const there = await lstat(join(directory, name)).catch(() => undefined);
    if (!there) await symlink(join(dataLink, name), join(directory, name));
  }
  for (const name of await readdir(directory)) {
    if (!name.startsWith("..") && !names.has(name)) await rm(join(directory, name), { recursive: true, force: true });
  }
}

/** `directory` is made when it is not there; the files are root's and, if given, the group's. */
export async function replaceFiles(
  directory: string,
  files: readonly VolumeFile[],
  { group }: { group?: number | undefined } = {},
): Promise<void> {
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o755);
  const before = await readlink(join(directory, dataLink)).catch(() => undefined);
  const stamp = new Date().toISOString().replaceAll(/[-:TZ]/g, "_");
  const payload = await mkdtemp(join(directory, `..${stamp}`));
  await writePayload(payload, files, group);
  await link(payload.slice(directory.length + 1), join(directory, dataLink));
  await linkNames(directory, files);
  if (before !== undefined) await rm(join(directory, before), { recursive: true, force: true });
}
