/** The programs of programs/services.bpf.c, and whether this machine allows them. */
import { close, hasCode, type SystemError } from "../ffi.ts";
import { nodeCgroup } from "./cgroup.ts";
import { type BpfObject, linkProgram, parseObject } from "./object.ts";
import { servicesObject } from "./programs/services.object.gen.ts";
import { createMap, loadProgram } from "./syscall.ts";

/** Changes with every change of the sources. */
export const serviceProgramsVersion = Number.parseInt(servicesObject.source.slice(0, 8), 16);

export function servicePrograms(): BpfObject {
  return parseObject(Buffer.from(servicesObject.object, "base64"));
}

export type EbpfSupport = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** Loads every program once, attached to nothing; about 10 ms. */
export function probeServicePrograms(): EbpfSupport {
  if (!nodeCgroup())
    return { ok: false, reason: "no cgroup2 hierarchy is mounted (mount -t cgroup2 none /sys/fs/cgroup)" };
  const object = servicePrograms();
  const descriptors = new Map<string, number>();
  try {
    // Of one entry: the kernel takes the memory of some maps at once.
    for (const [name, shape] of object.maps) descriptors.set(name, createMap(name, { ...shape, maxEntries: 1 }));
    for (const program of object.programs) close(loadProgram(program.section, linkProgram(program, descriptors)));
    return { ok: true };
  } catch (error) {
    return { ok: false, reason: reasonOf(error as SystemError) };
  } finally {
    for (const fd of descriptors.values()) close(fd);
  }
}

function reasonOf(error: SystemError): string {
  if (hasCode(error, "EPERM"))
    return "eBPF needs root of the machine: the kernel refuses bpf(2) to ordinary users and in user namespaces";
  if (hasCode(error, "ENOSYS")) return "this kernel has no eBPF: boot one built with CONFIG_BPF_SYSCALL";
  return `this kernel does not take the eBPF programs, which need Linux 5.18 with CONFIG_CGROUP_BPF (${error.message})`;
}
