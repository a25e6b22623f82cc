/** The number by which eBPF programs know a network namespace; never used again while the machine is up. */
import { close, getSocketOption, SOL_SOCKET, socket } from "../ffi.ts";

const AF_INET = 2;
const SOCK_DGRAM = 2;
/** include/uapi/asm-generic/socket.h, since Linux 5.14 */
const SO_NETNS_COOKIE = 71;

/** Of the network namespace that the thread is in. */
export function netnsCookie(): bigint {
  const fd = socket(AF_INET, SOCK_DGRAM, 0);
  try {
    return getSocketOption(fd, SOL_SOCKET, SO_NETNS_COOKIE, 8).readBigUInt64LE();
  } finally {
    close(fd);
  }
}
