/** The image "busybox", made of Debian's busybox-static. */
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, chmod, copyFile, mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Image } from "./image.ts";

const program = "/bin/busybox";
const directories = ["dev/shm", "etc", "home", "proc", "root", "run", "sys", "usr/bin", "var", "tmp"];
const files: Readonly<Record<string, string>> = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n",
  "etc/group": "root:x:0:\nnobody:x:65534:\n",
};
const links: Readonly<Record<string, string>> = {
  "dev/fd": "/proc/self/fd",
  "dev/stdin": "/proc/self/fd/0",
  "dev/stdout": "/proc/self/fd/1",
  "dev/stderr": "/proc/self/fd/2",
  "usr/bin/env": "/bin/env",
};

async function exists(path: string, mode = constants.F_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}

async function makeSkeleton(skeleton: string): Promise<void> {
  for (const name of directories) await mkdir(join(skeleton, name), { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(skeleton, name), content);
  for (const [name, target] of Object.entries(links)) await symlink(target, join(skeleton, name));
  await chmod(join(skeleton, "tmp"), 0o1777);
}

async function makePrograms(bin: string): Promise<void> {
  await mkdir(bin, { recursive: true });
  await copyFile(program, join(bin, "busybox"));
  const { stdout } = await promisify(execFile)(program, ["--list"]);
  for (const applet of stdout.split("\n").filter((name) => name && name !== "busybox")) {
    await symlink("busybox", join(bin, applet));
  }
}

/** Made beside its place and moved there, so that it is whole or absent. */
async function make(directory: string): Promise<void> {
  const draft = `${directory}.${process.pid}`;
  await rm(draft, { recursive: true, force: true });
  await makePrograms(join(draft, "bin"));
  await makeSkeleton(join(draft, "skeleton"));
  await rename(draft, directory).catch(async (error: unknown) => {
    // Another node's agent was faster.
    await rm(draft, { recursive: true, force: true });
    if (!(await exists(directory))) throw error;
  });
}

const making = new Map<string, Promise<void>>();

/** Containers that start together wait for the same work. */
function ensure(directory: string): Promise<void> {
  const begin = async (): Promise<void> => {
    if (await exists(directory)) return;
    await mkdir(dirname(directory), { recursive: true });
    await make(directory);
  };
  const made = making.get(directory) ?? begin().finally(() => making.delete(directory));
  making.set(directory, made);
  return made;
}

export async function createBusyboxImage(dataDir: string): Promise<Image | { missing: string }> {
  if (!(await exists(program, constants.X_OK))) {
    return {
      missing: `image "busybox" is made from ${program} of this machine, which is not there: install Debian's package busybox-static`,
    };
  }
  const directory = join(dataDir, "images", "busybox");
  await ensure(directory);
  return {
    id: "fairlead://busybox",
    root: {
      kind: "assembled",
      skeleton: join(directory, "skeleton"),
      directories: [{ source: join(directory, "bin"), target: "/bin", readOnly: true }],
    },
    entrypoint: [],
    cmd: ["sh"],
    env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
    workingDir: "/",
  };
}
