/** A small distribution for tests: busybox with the names that are asked for. */
import { existsSync, readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { loadArchive } from "../images/content/archive.ts";
import { ContentStore } from "../images/content/content-store.ts";
import { machinePlatform } from "../images/loaded.ts";
import { hasOtherUsers } from "../registration/machine.ts";
import { type FileEntry, ociArchive, tarOf } from "./image-archive.ts";

const busybox = "/bin/busybox";

export const hasBusybox = (): boolean => existsSync(busybox);

const applets = (
  "awk cat chown chroot date dd echo env false find grep head hostname id ipcmk ipcs kill ln ls mkdir mknod mount mv nc nslookup ping " +
  "printf ps pwd readlink rm sed sh sleep sort stat sync sysctl tail touch true tr umount uname unshare wc wget"
).split(" ");

export function smallImageTar(more: readonly FileEntry[] = []): Buffer {
  return tarOf([
    { path: "bin/" },
    { path: "tmp/", mode: 0o1777 },
    { path: "etc/passwd", content: "root:x:0:0::/root:/bin/sh\napp:x:1234:2345::/:/bin/sh\n" },
    { path: "etc/group", content: "root:x:0:\nstaff:x:3456:app\n" },
    ...applets.map((name) => ({ path: `bin/${name}`, linkpath: "busybox" })),
    { path: "bin/busybox", content: readFileSync(busybox), mode: 0o755 },
    ...more,
  ]);
}

/** Loads it into a node's content store under the name. */
export async function loadSmallImage(
  dataDir: string,
  name: string,
  { config = {}, more = [] }: { config?: Readonly<Record<string, unknown>>; more?: readonly FileEntry[] } = {},
): Promise<void> {
  const archive = ociArchive(
    { layers: [{ tar: smallImageTar(more) }], config: { Env: ["PATH=/bin"], ...config } },
    name,
  );
  await loadArchive(new ContentStore(dataDir), Readable.from([archive], { objectMode: false }), {
    platform: machinePlatform(),
    keepOwners: hasOtherUsers(),
  });
}
