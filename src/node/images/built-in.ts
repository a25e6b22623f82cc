/** The images that are always there, made of what the machine has. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import type { AgentConfig } from "../agent-config.ts";
import { createBusyboxImage } from "./busybox.ts";
import type { Image, ImageSource } from "./image.ts";

const machinePath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

function machineImage(name: string, entrypoint: readonly string[], cmd: readonly string[] = []): Image {
  const env = { PATH: machinePath };
  return { id: `fairlead://${name}`, root: { kind: "machine" }, entrypoint, cmd, env, workingDir: "/" };
}

/** Flags that keep a small server small: one V8 worker thread, a young generation of 1 MB. */
const smallNode = ["--v8-pool-size=0", "--max-semi-space-size=1", "--max-old-space-size=64", "--no-warnings"];

/** Made from its source, unless the caller knows of a bundle: without types it starts in half the time. */
async function echoProgram(dataDir: string): Promise<readonly string[]> {
  const directory = join(dataDir, "images");
  const source = await readFile(new URL("echo/server.ts", import.meta.url), "utf8");
  await mkdir(directory, { recursive: true });
  const program = join(directory, "echo.mjs");
  // Moved into place, so that no container reads half of it.
  const draft = `${program}.${process.pid}`;
  await writeFile(draft, stripTypeScriptTypes(source));
  await rename(draft, program);
  return [process.execPath, ...smallNode, program];
}

export function createBuiltInImages({ programs, dataDir }: Pick<AgentConfig, "programs" | "dataDir">): ImageSource {
  let echo: Promise<readonly string[]> | undefined;
  const images: Readonly<Record<string, () => Promise<Image | { missing: string }>>> = {
    fairlead: async () => machineImage("fairlead", programs.fairlead),
    "fairlead/echo": async () => {
      echo ??= programs.echo ? Promise.resolve(programs.echo) : echoProgram(dataDir);
      return machineImage("fairlead/echo", await echo);
    },
    host: async () => machineImage("host", [], ["/bin/sh"]),
    busybox: () => createBusyboxImage(dataDir),
  };
  return { find: async ({ repository }) => (Object.hasOwn(images, repository) ? images[repository]?.() : undefined) };
}
