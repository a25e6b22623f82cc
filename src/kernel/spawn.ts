/**
 * Programs started without a copy of this process, by posix_spawn(3): Node's `spawn` forks, which takes the longer the more memory a
 * process has, and makes it pay for each page that it writes afterwards.
 */
import { constants } from "node:fs";
import { checked, libc, SystemError } from "./ffi.ts";

const c = {
  spawn: libc.func(
    "int posix_spawn(void *pid, const char *path, void *actions, void *attributes, const char **argv, const char **envp)",
  ) as (
    pid: Uint8Array,
    path: string,
    actions: Uint8Array,
    attributes: Uint8Array,
    argv: readonly (string | null)[],
    envp: readonly (string | null)[],
  ) => number,
  initAttributes: libc.func("int posix_spawnattr_init(void *a)") as (attributes: Uint8Array) => number,
  setFlags: libc.func("int posix_spawnattr_setflags(void *a, short flags)") as (a: Uint8Array, flags: number) => number,
  setDefaultSignals: libc.func("int posix_spawnattr_setsigdefault(void *a, const void *signals)") as (
    attributes: Uint8Array,
    signals: Uint8Array,
  ) => number,
  initActions: libc.func("int posix_spawn_file_actions_init(void *a)") as (actions: Uint8Array) => number,
  destroyActions: libc.func("int posix_spawn_file_actions_destroy(void *a)") as (actions: Uint8Array) => number,
  addChangeDirectory: libc.func("int posix_spawn_file_actions_addchdir_np(void *a, const char *path)") as (
    actions: Uint8Array,
    path: string,
  ) => number,
  addDuplicate: libc.func("int posix_spawn_file_actions_adddup2(void *a, int from, int to)") as (
    actions: Uint8Array,
    from: number,
    to: number,
  ) => number,
  addOpen: libc.func(
    "int posix_spawn_file_actions_addopen(void *a, int fd, const char *path, int flags, uint32_t mode)",
  ) as (actions: Uint8Array, fd: number, path: string, flags: number, mode: number) => number,
  waitpid: libc.func("int waitpid(int pid, void *status, int options)") as (
    pid: number,
    status: Uint8Array,
    options: number,
  ) => number,
};

/** spawn.h of glibc. */
const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
const POSIX_SPAWN_SETSID = 0x80;
/** Larger than glibc's posix_spawnattr_t, posix_spawn_file_actions_t and sigset_t. */
const opaqueSize = 512;

/** No signal is blocked or ignored (Node ignores SIGPIPE). */
const attributes = Buffer.alloc(opaqueSize);
c.initAttributes(attributes);
c.setFlags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
c.setDefaultSignals(attributes, Buffer.alloc(opaqueSize, 0xff));

export interface SpawnOptions {
  readonly cwd?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the program's first descriptors are: a descriptor of this process, or /dev/null. Node's own have the lowest numbers: none is in another's way. */
  readonly stdio: readonly (number | "ignore")[];
}

function start(path: string, words: readonly string[], { cwd, env, stdio }: SpawnOptions): number {
  const actions = Buffer.alloc(opaqueSize);
  const pid = Buffer.alloc(4);
  const variables = Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : `${name}=${value}`));
  c.initActions(actions);
  try {
    if (cwd !== undefined) c.addChangeDirectory(actions, cwd);
    for (const [to, from] of stdio.entries()) {
      if (from === "ignore") c.addOpen(actions, to, "/dev/null", constants.O_RDWR, 0);
      else c.addDuplicate(actions, from, to);
    }
    const errno = c.spawn(pid, path, actions, attributes, [path, ...words, null], [...variables, null]);
    if (errno !== 0) throw new SystemError("posix_spawn", errno, `start "${path}"`);
    return pid.readInt32LE();
  } finally {
    c.destroyActions(actions);
  }
}

export interface SpawnedProcess {
  readonly pid: number;
  /** Its exit code; 128 and the number of the signal that ended it. */
  readonly exit: Promise<number>;
}

/** Those that have not been waited for, each with whom to tell the exit code. */
const running = new Map<number, (exitCode: number) => void>();

const WNOHANG = 1;

/** Node waits for the children that it knows only. */
function reap(): void {
  const status = Buffer.alloc(4);
  for (const [pid, ended] of running) {
    if (checked("waitpid", `wait for process ${pid}`, () => c.waitpid(pid, status, WNOHANG)) === 0) continue;
    running.delete(pid);
    ended(exitCodeOf(status.readInt32LE()));
  }
  if (running.size === 0) process.off("SIGCHLD", reap);
}

/** wait(2): the low seven bits are a signal, the next byte the exit code. */
const exitCodeOf = (status: number): number => (status & 0x7f ? 128 + (status & 0x7f) : (status >> 8) & 0xff);

/**
 * Starts the program at an absolute path as the leader of a session, in the namespaces of the calling thread; it does not keep this process alive.
 * Throws SystemError, e.g. when there is no such program. For the main thread only: others get no signals.
 */
export function spawnSession(path: string, words: readonly string[], options: SpawnOptions): SpawnedProcess {
  if (running.size === 0) process.on("SIGCHLD", reap);
  try {
    const pid = start(path, words, options);
    const { promise: exit, resolve } = Promise.withResolvers<number>();
    running.set(pid, resolve);
    return { pid, exit };
  } finally {
    if (running.size === 0) process.off("SIGCHLD", reap);
  }
}
