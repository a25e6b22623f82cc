/**
 * One store for each directory. The lock is a listening socket in the directory: unlike a process id in a file it
 * means the same in every pid, user and network namespace, and the kernel ends it with its process.
 */
import { type FileHandle, open, stat, unlink } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { StoreInUseError } from "./store.ts";

const name = "lock";
const maxAttempts = 5;

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** Takes the directory or throws StoreInUseError; the lock of a process that is gone is taken over. */
export async function lockDirectory(dir: string): Promise<{ release(): Promise<void> }> {
  const handle = await open(dir, "r");
  // Socket paths are limited to 107 bytes, directories are not.
  const path = `/proc/self/fd/${handle.fd}/${name}`;
  try {
    const server = await listen(path, dir);
    return { release: () => release(server, handle) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function listen(path: string, dir: string): Promise<Server> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const server = createServer((socket) => socket.on("error", () => {}).end(String(process.pid)));
    const error = await new Promise<Error | undefined>((resolve) => {
      server.once("error", resolve);
      server.listen(path, () => resolve(undefined));
    });
    if (!error) return server.unref();
    if (codeOf(error) !== "EADDRINUSE") {
      throw new Error(`Cannot lock "${dir}": ${error.message}`, { cause: error });
    }
    await removeStale(path, dir);
  }
  throw new StoreInUseError(`Cannot open the store "${dir}": other processes are starting on it`);
}

async function removeStale(path: string, dir: string): Promise<void> {
  try {
    const { ino } = await stat(path);
    const holder = await askHolder(path);
    if (holder !== undefined) {
      throw new StoreInUseError(`Cannot open the store "${dir}": process ${holder} uses it`);
    }
    // Whoever took the stale lock over meanwhile has made a new socket.
    if ((await stat(path)).ino === ino) await unlink(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

/** The holder's process id (as it sees itself, or "unknown" if it does not say); undefined: nobody listens. */
function askHolder(path: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(path);
    socket.setTimeout(1000, () => {
      socket.destroy();
      resolve("unknown");
    });
    socket.on("data", (data) => {
      text += data;
    });
    socket.on("end", () => resolve(text || "unknown"));
    socket.on("error", (error) => {
      const code = codeOf(error);
      if (code === "ECONNREFUSED" || code === "ENOENT") resolve(undefined);
      else if (code === "ENOTSOCK" || code === "EPROTOTYPE") reject(error);
      else resolve("unknown");
    });
  });
}

async function release(server: Server, handle: FileHandle): Promise<void> {
  await new Promise<void>((resolve) => server.close(() => resolve()));
  await handle.close();
}
