/** The seccomp profile RuntimeDefault as a filter of the kernel (pure). Source: seccomp(2); "Restrict a Container's Syscalls with seccomp". */

/** Calls that manage the machine and that no ordinary program needs: [x64, arm64] numbers of <asm/unistd.h>. */
const denied: Readonly<Record<string, readonly [x64: number, arm64: number]>> = {
  acct: [163, 89],
  add_key: [248, 217],
  adjtimex: [159, 171],
  bpf: [321, 280],
  clock_adjtime: [305, 266],
  clock_settime: [227, 112],
  delete_module: [176, 106],
  finit_module: [313, 273],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fsopen: [430, 430],
  fspick: [433, 433],
  init_module: [175, 105],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  io_uring_setup: [425, 425],
  kcmp: [312, 272],
  kexec_file_load: [320, 294],
  kexec_load: [246, 104],
  keyctl: [250, 219],
  lookup_dcookie: [212, 18],
  mount: [165, 40],
  mount_setattr: [442, 442],
  move_mount: [429, 429],
  move_pages: [279, 239],
  open_by_handle_at: [304, 265],
  open_tree: [428, 428],
  perf_event_open: [298, 241],
  pivot_root: [155, 41],
  quotactl: [179, 60],
  reboot: [169, 142],
  request_key: [249, 218],
  setns: [308, 268],
  settimeofday: [164, 170],
  swapoff: [168, 225],
  swapon: [167, 224],
  syslog: [103, 116],
  umount2: [166, 39],
  unshare: [272, 97],
  userfaultfd: [323, 282],
};

export const deniedCalls = Object.keys(denied);

/** AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64. */
const auditArchitecture = { x64: 0xc000003e, arm64: 0xc00000b7 };
const x32Bit = 0x40000000;
const allow = 0x7fff0000;
/** SECCOMP_RET_ERRNO with EPERM. */
const refuse = 0x00050001;

/** struct sock_filter: code, jump if true, jump if false, operand. */
function instruction(code: number, operand: number, [yes, no] = [0, 0]): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(yes ?? 0, 2);
  bytes.writeUInt8(no ?? 0, 3);
  bytes.writeUInt32LE(operand, 4);
  return bytes;
}

const load = (offset: number): Buffer => instruction(0x20, offset);
const equals = (value: number, jump: [number, number]): Buffer => instruction(0x15, value, jump);
const atLeast = (value: number, jump: [number, number]): Buffer => instruction(0x35, value, jump);
const answer = (value: number): Buffer => instruction(0x06, value);

/** In hexadecimal digits. Such calls fail with EPERM, as do those of another architecture. */
export function syscallDenyFilter(architecture: string): string {
  const index = architecture === "arm64" ? 1 : 0;
  const numbers = Object.values(denied).map((pair) => pair[index]);
  const toRefusal = (position: number): number => numbers.length - position;
  return Buffer.concat([
    load(4),
    equals(auditArchitecture[index === 1 ? "arm64" : "x64"], [0, numbers.length + 3]),
    load(0),
    atLeast(x32Bit, [numbers.length + 1, 0]),
    ...numbers.map((number, position) => equals(number ?? 0, [toRefusal(position), 0])),
    answer(allow),
    answer(refuse),
  ]).toString("hex");
}
