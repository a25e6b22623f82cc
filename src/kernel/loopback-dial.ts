/** TCP to a port of some network namespace's own loopback. */
import { AF_INET, AF_INET6, close, connect, SOCK_NONBLOCK, SOCK_STREAM, socket } from "./ffi.ts";
import type { NamespaceRef } from "./namespace.ts";
import { within } from "./netns.ts";

/** struct sockaddr_in and sockaddr_in6 of 127.0.0.1 and ::1. */
function loopback(family: 4 | 6, port: number): Buffer {
  const address = Buffer.alloc(family === 4 ? 16 : 28);
  address.writeUInt16LE(family === 4 ? AF_INET : AF_INET6, 0);
  address.writeUInt16BE(port, 2);
  if (family === 4) address.writeUInt32BE(0x7f000001, 4);
  else address[23] = 1;
  return address;
}

/** A socket that is connecting, for `new Socket({ fd })`: whether it succeeds is seen there. Absent namespace: this thread's. */
export function dialLoopback(netns: NamespaceRef | undefined, port: number, family: 4 | 6 = 4): number {
  const open = (): number => {
    const fd = socket(family === 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
    try {
      connect(fd, loopback(family, port));
      return fd;
    } catch (error) {
      close(fd);
      throw error;
    }
  };
  return netns === undefined ? open() : within(netns, open);
}
