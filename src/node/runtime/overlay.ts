/** Whether this process may mount overlays over what is under a folder: tried, since no file of the kernel tells. */
import { spawn } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Overlay } from "./container-runtime.ts";
import { overlayOptions } from "./unpacked-root.ts";

const timeoutMs = 5_000;

/** Such names would have to be escaped in the options of the mount. */
const isPlain = (path: string): boolean => !/[\s,:\\"#]/.test(path);

function succeeds(argv: readonly string[]): Promise<boolean> {
  const [command = "", ...args] = argv;
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: "ignore", timeout: timeoutMs });
    child.on("error", () => resolve(false));
    child.on("exit", (code) => resolve(code === 0));
  });
}

/** Undefined: roots must be copied. */
export async function probeOverlay(directory: string): Promise<Overlay | undefined> {
  const probe = join(directory, `overlay-probe.${process.pid}`);
  const [lower, upper, work, target] = ["lower", "upper", "work", "target"].map((name) => join(probe, name));
  if (!lower || !upper || !work || !target || !isPlain(probe)) return undefined;
  try {
    for (const overlay of ["trusted", "user"] as const) {
      for (const path of [join(lower, "old"), upper, work, target]) mkdirSync(path, { recursive: true });
      const options = overlayOptions(overlay, { lower, upper, work });
      // Removing a folder and making it anew needs the attributes that not every file system has.
      const script = `mount -t overlay -o ${options} fairlead ${target} && cd ${target} && rmdir old && mkdir old && echo >old/new`;
      if (await succeeds(["unshare", "--mount", "sh", "-c", script])) return overlay;
      rmSync(probe, { recursive: true, force: true });
    }
    return undefined;
  } finally {
    rmSync(probe, { recursive: true, force: true });
  }
}
