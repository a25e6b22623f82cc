/** What the eBPF data plane needs in the lab: a bpffs that goes with the process, and the Pods' namespaces by their cookies. */
import { mkdtempSync, rmdirSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { ensureBpffs } from "../../src/kernel/bpf/bpffs.ts";
import { netnsCookie } from "../../src/kernel/bpf/netns-cookie.ts";
import { unshare } from "../../src/kernel/ffi.ts";
import { detachMount, makePrivate } from "../../src/kernel/mount.ts";
import { within } from "../../src/kernel/netns.ts";
import { childrenOf } from "../../src/kernel/processes.ts";

/** include/uapi/linux/sched.h */
const CLONE_NEWNS = 0x20000;

/** A bpffs in a mount namespace of this thread's own. */
export function mountOwnBpffs(): string {
  unshare(CLONE_NEWNS);
  makePrivate("/");
  const path = mkdtempSync(join(tmpdir(), "fairlead-bpffs-"));
  ensureBpffs(path);
  process.on("exit", () => {
    detachMount(path);
    rmdirSync(path);
  });
  return path;
}

/** Namespaces of this process's children that have an address that begins so. */
export function namespacesOfChildren(prefix: string): bigint[] {
  return childrenOf(process.pid).flatMap((pid) =>
    within(`/proc/${pid}/ns/net`, () => {
      const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
      return addresses.some(({ address }) => address.startsWith(prefix)) ? [netnsCookie()] : [];
    }),
  );
}
