/** The C library's calls that Node lacks, typed; no other file knows the foreign function interface. */
import { closeSync, openSync } from "node:fs";
import { constants } from "node:os";
import koffi from "koffi";

/** Second names of a number, which Linux's own headers avoid. */
const aliases: readonly string[] = ["EWOULDBLOCK", "ENOTSUP"];
const errorNames = new Map(
  Object.entries(constants.errno)
    .filter(([name]) => !aliases.includes(name))
    .map(([name, number]) => [number, name]),
);

/** A system call that failed: `Cannot enter network namespace: Operation not permitted (EPERM)`. */
export class SystemError extends Error {
  /** e.g. "EPERM". */
  readonly code: string;
  readonly errno: number;
  /** e.g. "setns". */
  readonly syscall: string;

  /** `action` completes "Cannot …"; `detail` is what the kernel said beyond the number, if anything. */
  constructor(syscall: string, errno: number, action: string, detail?: string) {
    const code = errorNames.get(errno) ?? `E${errno}`;
    super(`Cannot ${action}: ${detail ?? describeErrno(errno)} (${code})`);
    this.name = "SystemError";
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}

/** True if `error` is a SystemError (or an error of node:fs) with one of the codes, e.g. "EEXIST". */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}

type Result = number | bigint;

/** The C library; `libc.func("int close(int fd)")` is one of its functions. */
export const libc = koffi.load("libc.so.6");
const sendto = libc.func("long sendto(int fd, const void *b, size_t n, int flags, const void *to, uint32_t size)");
const c = {
  strerror: libc.func("const char *strerror(int number)") as (number: number) => string,
  setns: libc.func("int setns(int fd, int type)") as (fd: number, type: number) => number,
  unshare: libc.func("int unshare(int flags)") as (flags: number) => number,
  socket: libc.func("int socket(int domain, int type, int protocol)") as (d: number, t: number, p: number) => number,
  bind: libc.func("int bind(int fd, const void *address, uint32_t size)") as (
    fd: number,
    address: Uint8Array,
    size: number,
  ) => number,
  sendto: sendto as (
    fd: number,
    bytes: Uint8Array,
    length: number,
    flags: number,
    to: Uint8Array | null,
    size: number,
  ) => Result,
  recv: libc.func("long recv(int fd, void *b, size_t n, int flags)") as (
    fd: number,
    into: Uint8Array,
    length: number,
    flags: number,
  ) => Result,
  getsockopt: libc.func("int getsockopt(int fd, int level, int name, void *value, void *size)") as (
    fd: number,
    level: number,
    name: number,
    value: Uint8Array,
    size: Uint8Array,
  ) => number,
  bpf: libc.func("long syscall(long number, int command, void *attributes, uint32_t size)") as (
    number: number,
    command: number,
    attributes: Uint8Array,
    size: number,
  ) => Result,
  setsockopt: libc.func("int setsockopt(int fd, int level, int name, const void *value, uint32_t size)") as (
    fd: number,
    level: number,
    name: number,
    value: Uint8Array,
    size: number,
  ) => number,
  recvmmsg: libc.func("int recvmmsg(int fd, void *messages, uint32_t n, int flags, void *timeout)") as (
    fd: number,
    messages: Uint8Array,
    count: number,
    flags: number,
    timeout: null,
  ) => number,
  sendmmsg: libc.func("int sendmmsg(int fd, void *messages, uint32_t n, int flags)") as (
    fd: number,
    messages: Uint8Array,
    count: number,
    flags: number,
  ) => number,
  mount: libc.func(
    "int mount(const char *s, const char *t, const char *type, unsigned long flags, const char *data)",
  ) as (source: string | null, target: string, type: string | null, flags: number, data: string | null) => number,
  umount2: libc.func("int umount2(const char *target, int flags)") as (target: string, flags: number) => number,
  sethostname: libc.func("int sethostname(const char *name, size_t length)") as (name: string, n: number) => number,
  connect: libc.func("int connect(int fd, const void *address, uint32_t size)") as (
    fd: number,
    address: Uint8Array,
    size: number,
  ) => number,
  mkfifo: libc.func("int mkfifo(const char *path, uint32_t mode)") as (path: string, mode: number) => number,
  pipe2: libc.func("int pipe2(void *fds, int flags)") as (fds: Uint8Array, flags: number) => number,
  ioctl: libc.func("int ioctl(int fd, unsigned long request, void *argument)") as (
    fd: number,
    request: number,
    argument: Uint8Array,
  ) => number,
  // Numbers of pidfd_open and pidfd_send_signal are the same on every architecture (unified since Linux 5.1).
  syscall: libc.func("long syscall(long number, long a, long b, void *c, long d)") as (
    number: number,
    a: number,
    b: number,
    c: null,
    d: number,
  ) => Result,
};

/** The text of an errno value, e.g. "No such file or directory". */
function describeErrno(errno: number): string {
  return c.strerror(errno);
}

const interruptedRetries = 100;

/** Repeats a call that a signal interrupted, and throws SystemError when it failed. */
export function checked(syscall: string, action: string, call: () => Result): number {
  for (let attempt = 0; ; attempt++) {
    const result = Number(call());
    if (result >= 0) return result;
    const errno = koffi.errno();
    if (errno !== constants.errno.EINTR || attempt === interruptedRetries) {
      throw new SystemError(syscall, errno, action);
    }
  }
}

/** include/uapi/linux/sched.h */
export const CLONE_NEWNET = 0x40000000;
export const CLONE_NEWUTS = 0x04000000;
export const CLONE_NEWIPC = 0x08000000;

/** Moves the calling thread into the namespace that `fd` is open on; `type` is a CLONE_NEW* flag. */
export function setns(fd: number, type: number): void {
  checked("setns", "enter a namespace", () => c.setns(fd, type));
}

/** Gives the calling thread new namespaces; `flags` are CLONE_NEW*. */
export function unshare(flags: number): void {
  checked("unshare", "make a namespace", () => c.unshare(flags));
}

/** Sets the host name of the calling thread's UTS namespace. */
export function sethostname(name: string): void {
  checked("sethostname", `set the host name "${name}"`, () => c.sethostname(name, Buffer.byteLength(name)));
}

/** include/linux/socket.h; SOCK_CLOEXEC is always added. */
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;

/** A new socket of the calling thread's network namespace; close it with `close`. */
export function socket(domain: number, type: number, protocol: number): number {
  return checked("socket", "open a socket", () => c.socket(domain, type | SOCK_CLOEXEC, protocol));
}

export function bind(fd: number, address: Uint8Array): void {
  checked("bind", "bind a socket", () => c.bind(fd, address, address.length));
}

/** Connects to a sockaddr; a socket that does not block may still be at it afterwards. */
export function connect(fd: number, address: Uint8Array): void {
  if (c.connect(fd, address, address.length) === 0) return;
  const errno = koffi.errno();
  if (errno !== constants.errno.EINPROGRESS) throw new SystemError("connect", errno, "connect a socket");
}

/** O_CLOEXEC of include/uapi/asm-generic/fcntl.h */
const O_CLOEXEC = 0x80000;

/** A new pipe; Node's own between processes are sockets, which programs cannot open again by /dev/stdout. Close both. */
export function pipe(): { read: number; write: number } {
  const fds = Buffer.alloc(8);
  checked("pipe2", "make a pipe", () => c.pipe2(fds, O_CLOEXEC));
  return { read: fds.readInt32LE(0), write: fds.readInt32LE(4) };
}

/** A named pipe that only its owner may use. */
export function makeFifo(path: string): void {
  checked("mkfifo", `make the FIFO "${path}"`, () => c.mkfifo(path, 0o600));
}

/** ioctl(2) with a structure that the kernel reads or writes. */
export function ioctl(fd: number, request: number, argument: Uint8Array, action: string): void {
  checked("ioctl", action, () => c.ioctl(fd, request, argument));
}

/** Sends all of `bytes` as one datagram to `to` (a sockaddr), or to the connected peer. */
export function sendTo(fd: number, bytes: Uint8Array, to: Uint8Array | null = null): void {
  checked("sendto", "send on a socket", () => c.sendto(fd, bytes, bytes.length, 0, to, to?.length ?? 0));
}

/** As `sendTo`, by a thread of Node's pool while this one goes on: what blocks is the kernel's work, as on a netlink socket. The bytes must stay as they are. */
export function sendToInBackground(fd: number, bytes: Uint8Array, to: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    sendto.async(fd, bytes, bytes.length, 0, to, to.length, (error: Error | null, sent: Result) => {
      if (error) reject(error);
      // The number of the error stays in that thread.
      else if (Number(sent) < 0) reject(new Error("Cannot send on a socket"));
      else resolve();
    });
  });
}

/** Receives one datagram into `into`; with MSG_TRUNC in `flags` the result may be larger than `into`. */
export function receive(fd: number, into: Uint8Array, flags = 0): number {
  return checked("recv", "receive from a socket", () => c.recv(fd, into, into.length, flags));
}

const MSG_DONTWAIT = 0x40;

/** Receives up to `count` datagrams that are there now into the mmsghdr structures; 0: none. */
export function receiveMany(fd: number, messages: Uint8Array, count: number): number {
  const received = c.recvmmsg(fd, messages, count, MSG_DONTWAIT, null);
  return Math.max(received, 0);
}

/** Sends up to `count` mmsghdr structures and returns how many went; 0 if the first one was refused. */
export function sendMany(fd: number, messages: Uint8Array, count: number): number {
  const sent = c.sendmmsg(fd, messages, count, MSG_DONTWAIT);
  return Math.max(sent, 0);
}

/** include/uapi/asm-generic/socket.h */
export const SOL_SOCKET = 1;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_RCVTIMEO = 20;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;

export function setSocketOption(fd: number, level: number, name: number, value: number | Uint8Array): void {
  const bytes = typeof value === "number" ? Buffer.from(Int32Array.of(value).buffer) : value;
  checked("setsockopt", "set a socket option", () => c.setsockopt(fd, level, name, bytes, bytes.length));
}

/** The option's value, of `size` bytes at most. */
export function getSocketOption(fd: number, level: number, name: number, size: number): Buffer {
  const value = Buffer.alloc(size);
  const length = Buffer.from(Uint32Array.of(size).buffer);
  checked("getsockopt", "read a socket option", () => c.getsockopt(fd, level, name, value, length));
  return value.subarray(0, length.readUInt32LE());
}

/** The system call's number differs by architecture (asm/unistd.h). */
const SYS_bpf = process.arch === "arm64" ? 280 : 321;

/** bpf(2) with the encoded `union bpf_attr`, which the kernel may write to. Everything that it points to must be kept until this returns. */
export function bpf(command: number, attributes: Uint8Array, action: string): number {
  return checked("bpf", action, () => c.bpf(SYS_bpf, command, attributes, attributes.length));
}

/** Where the bytes are in memory, for structures that hold pointers; valid as long as `bytes` is referenced. */
export function addressOf(bytes: Uint8Array): bigint {
  return BigInt(koffi.address(bytes));
}

/** mount(2); `source`, `type` and `data` may be null where the flags make them meaningless. */
export function mount(
  target: string,
  options: { source?: string; type?: string; flags?: number; data?: string; action?: string },
): void {
  const { source = null, type = null, flags = 0, data = null, action = `mount "${target}"` } = options;
  checked("mount", action, () => c.mount(source, target, type, flags, data));
}

export function unmount(target: string, flags = 0): void {
  checked("umount2", `unmount "${target}"`, () => c.umount2(target, flags));
}

const SYS_pidfd_send_signal = 424;
const SYS_pidfd_open = 434;

/** A descriptor that means this process for ever, even when its number is used again; close it with `close`. */
export function pidfdOpen(pid: number): number {
  return checked("pidfd_open", `open process ${pid}`, () => c.syscall(SYS_pidfd_open, pid, 0, null, 0));
}

export function pidfdSendSignal(fd: number, signal: number): void {
  checked("pidfd_send_signal", "send a signal", () => c.syscall(SYS_pidfd_send_signal, fd, signal, null, 0));
}

const SYS_pidfd_getfd = 438;

/** A copy of a descriptor of the process behind a pidfd; close it with `close`. */
export function pidfdGetfd(fd: number, theirs: number): number {
  const action = "copy a descriptor of a process";
  return checked("pidfd_getfd", action, () => c.syscall(SYS_pidfd_getfd, fd, theirs, null, 0));
}

export const close = closeSync;

/** Opens for reading with close-on-exec (as Node always does), e.g. a namespace file. */
export function open(path: string): number {
  return openSync(path, "r");
}
