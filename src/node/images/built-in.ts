/** The images that are always there, made of what the machine has. */
import { fileURLToPath } from "node:url";
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

/** Run from its source unless the caller knows of a bundle. */
function echoProgram(): readonly string[] {
  return [process.execPath, ...smallNode, fileURLToPath(new URL("echo/server.ts", import.meta.url))];
}

export function createBuiltInImages({ programs, dataDir }: Pick<AgentConfig, "programs" | "dataDir">): ImageSource {
  const images: Readonly<Record<string, () => Promise<Image | { missing: string }>>> = {
    fairlead: async () => machineImage("fairlead", programs.fairlead),
    "fairlead/echo": async () => machineImage("fairlead/echo", programs.echo ?? echoProgram()),
    host: async () => machineImage("host", [], ["/bin/sh"]),
    busybox: () => createBusyboxImage(dataDir),
  };
  return { find: async (repository) => (Object.hasOwn(images, repository) ? images[repository]?.() : undefined) };
}
