/** bpf(2): each command's `union bpf_attr`, encoded. Offsets are those of include/uapi/linux/bpf.h. */
import { addressOf, bpf, hasCode, SystemError } from "../ffi.ts";
import { command, type Section, sections } from "./constants.ts";

export interface MapShape {
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_*: 1 takes memory for an entry only when it is made. */
  readonly flags: number;
}

const nameLength = 15;

/** Letters, digits, "_" and "." only. */
function writeName(attributes: Buffer, name: string, offset: number): void {
  attributes.write(name.replace(/[^\w.]/g, "_").slice(0, nameLength), offset, "latin1");
}

export function createMap(name: string, { type, keySize, valueSize, maxEntries, flags }: MapShape): number {
  const attributes = Buffer.alloc(72);
  [type, keySize, valueSize, maxEntries, flags].forEach((value, index) => {
    attributes.writeUInt32LE(value, index * 4);
  });
  writeName(attributes, name, 28);
  return bpf(command.MAP_CREATE, attributes, `make the eBPF map "${name}"`);
}

/** One element: `value` is written to, or read from. */
export function elementCommand(number: number, fd: number, element: { key: Buffer; value?: Buffer }): void {
  const { key, value } = element;
  const attributes = Buffer.alloc(32);
  attributes.writeUInt32LE(fd, 0);
  attributes.writeBigUInt64LE(addressOf(key), 8);
  if (value) attributes.writeBigUInt64LE(addressOf(value), 16);
  bpf(number, attributes, "use an eBPF map");
}

export interface Batch {
  readonly keys: Buffer;
  readonly values?: Buffer;
  readonly count: number;
  /** Of LOOKUP_BATCH: where to begin and where the next begins. */
  readonly from?: Buffer | undefined;
  readonly to?: Buffer;
}

/** Returns how many elements were taken, and the error that ended it early (ENOENT: a lookup is through). */
export function batchCommand(
  number: number,
  fd: number,
  batch: Batch,
): { readonly count: number; readonly error?: SystemError } {
  const { keys, values, count, from, to } = batch;
  const attributes = Buffer.alloc(56);
  if (from) attributes.writeBigUInt64LE(addressOf(from), 0);
  if (to) attributes.writeBigUInt64LE(addressOf(to), 8);
  attributes.writeBigUInt64LE(addressOf(keys), 16);
  if (values) attributes.writeBigUInt64LE(addressOf(values), 24);
  attributes.writeUInt32LE(count, 32);
  attributes.writeUInt32LE(fd, 36);
  try {
    bpf(number, attributes, "use an eBPF map");
    return { count: attributes.readUInt32LE(32) };
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    // The kernel leaves the count as it was when it refuses the whole command.
    const done = hasCode(error, "EFAULT", "EINVAL", "EPERM") ? 0 : attributes.readUInt32LE(32);
    return { count: done, error };
  }
}

const logSize = 1 << 20;
/** A signal that comes meanwhile ends the verifier's work with EAGAIN. */
const loadAttempts = 10;

/** Loads a program; if the kernel's verifier refuses it, the error carries the end of its log. */
export function loadProgram(section: Section, instructions: Buffer): number {
  const license = Buffer.from("GPL\0");
  const attempt = (log?: Buffer): number => {
    const attributes = Buffer.alloc(128);
    attributes.writeUInt32LE(sections[section].type, 0);
    attributes.writeUInt32LE(instructions.length / 8, 4);
    attributes.writeBigUInt64LE(addressOf(instructions), 8);
    attributes.writeBigUInt64LE(addressOf(license), 16);
    if (log) {
      attributes.writeUInt32LE(1, 24);
      attributes.writeUInt32LE(log.length, 28);
      attributes.writeBigUInt64LE(addressOf(log), 32);
    }
    writeName(attributes, section, 48);
    attributes.writeUInt32LE(sections[section].attach, 68);
    for (let left = loadAttempts; ; left--) {
      try {
        return bpf(command.PROG_LOAD, attributes, `load the eBPF program "${section}"`);
      } catch (error) {
        if (left === 1 || !hasCode(error, "EAGAIN")) throw error;
      }
    }
  };
  try {
    return attempt();
  } catch (error) {
    if (!(error instanceof SystemError) || hasCode(error, "EPERM")) throw error;
    const log = Buffer.alloc(logSize);
    try {
      return attempt(log);
    } catch {
      const text = log.toString("latin1", 0, log.indexOf(0)).trim().split("\n").slice(-4).join("; ");
      throw new SystemError(error.syscall, error.errno, `load the eBPF program "${section}"`, text || undefined);
    }
  }
}

/** A link: the program is attached as long as a descriptor or a pin of it is there. `target`: a cgroup's descriptor, or a network device's number. */
export function createLink(program: number, target: number, section: Section): number {
  const attributes = Buffer.alloc(48);
  attributes.writeUInt32LE(program, 0);
  attributes.writeUInt32LE(target, 4);
  attributes.writeUInt32LE(sections[section].attach, 8);
  return bpf(command.LINK_CREATE, attributes, `attach the eBPF program "${section}"`);
}

/** Puts the program in place of the link's; no packet or call sees neither. */
export function updateLink(link: number, program: number): void {
  const attributes = Buffer.alloc(16);
  attributes.writeUInt32LE(link, 0);
  attributes.writeUInt32LE(program, 4);
  bpf(command.LINK_UPDATE, attributes, "replace an eBPF program");
}

/** Numbers of the programs that are attached to the cgroup at this place. */
export function attachedPrograms(cgroup: number, section: Section): number[] {
  const ids = Buffer.alloc(4 * 64);
  const attributes = Buffer.alloc(40);
  attributes.writeUInt32LE(cgroup, 0);
  attributes.writeUInt32LE(sections[section].attach, 4);
  attributes.writeBigUInt64LE(addressOf(ids), 16);
  attributes.writeUInt32LE(ids.length / 4, 24);
  bpf(command.PROG_QUERY, attributes, "list eBPF programs");
  return Array.from({ length: attributes.readUInt32LE(24) }, (_, n) => ids.readUInt32LE(n * 4));
}

function pathCommand(number: number, path: string, fd: number, action: string): number {
  const name = Buffer.from(`${path}\0`);
  const attributes = Buffer.alloc(24);
  attributes.writeBigUInt64LE(addressOf(name), 0);
  attributes.writeUInt32LE(fd, 8);
  return bpf(number, attributes, action);
}

/** Keeps the map or link at a path of a bpffs, as long as the file is there. */
export function pin(fd: number, path: string): void {
  pathCommand(command.OBJ_PIN, path, fd, `pin "${path}"`);
}

export function openPinned(path: string): number {
  return pathCommand(command.OBJ_GET, path, 0, `open the pinned "${path}"`);
}

/** struct bpf_map_info */
export function mapShapeOf(fd: number): MapShape {
  const info = Buffer.alloc(80);
  const attributes = Buffer.alloc(16);
  attributes.writeUInt32LE(fd, 0);
  attributes.writeUInt32LE(info.length, 4);
  attributes.writeBigUInt64LE(addressOf(info), 8);
  bpf(command.OBJ_GET_INFO_BY_FD, attributes, "read about an eBPF map");
  const [type = 0, , keySize = 0, valueSize = 0, maxEntries = 0, flags = 0] = [0, 4, 8, 12, 16, 20].map((at) =>
    info.readUInt32LE(at),
  );
  return { type, keySize, valueSize, maxEntries, flags };
}
