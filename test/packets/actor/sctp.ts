/**
 * SCTP, which Node has no sockets for. Where the kernel has them, they are made by hand and Node's streams take them over.
 * Where it has none (but tracks and translates SCTP all the same), the handshake's first two packets go through raw sockets.
 */
import { createSocket } from "node:dgram";
import { createServer, Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { socketAddress } from "../../../src/kernel/datagrams.ts";
import { AF_INET, AF_INET6, bind, close, hasCode, SOCK_STREAM, socket } from "../../../src/kernel/ffi.ts";
import { parseAddress } from "../../../src/kernel/route/address-bytes.ts";
import type { Answer, Target } from "../order.ts";
import { askRaw, serveRaw } from "./sctp-raw.ts";
import { answer, askStream } from "./tcp.ts";
import { failure, nextSourcePort } from "./text.ts";

/** include/uapi/linux/in.h */
const IPPROTO_SCTP = 132;

/** One address each: an association that names several of its host's addresses goes around the Service. */
function openAt(address: string, port: number): number {
  const bytes = parseAddress(address);
  const fd = socket(bytes.length === 4 ? AF_INET : AF_INET6, SOCK_STREAM, IPPROTO_SCTP);
  try {
    bind(fd, socketAddress(bytes, port));
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

const isInKernel = ((): boolean => {
  try {
    close(socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP));
    return true;
  } catch (error) {
    if (hasCode(error, "EPROTONOSUPPORT")) return false;
    throw error;
  }
})();

export async function serveSctp(port: number, name: string): Promise<void> {
  if (!isInKernel) return serveRaw(port, name);
  for (const entry of Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])) {
    if (entry.internal || entry.address.startsWith("fe80")) continue;
    const server = createServer((client) => answer(client, name));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ fd: openAt(entry.address, port) }, resolve);
    });
  }
}

export async function askSctp(target: Target, timeoutMs: number): Promise<Answer> {
  if (!isInKernel) return askRaw(target, timeoutMs);
  try {
    const fd = openAt(target.local ?? (await sourceFor(target)), nextSourcePort());
    // `manualStart` is no part of the types: nothing is read before the connection stands.
    const options = { fd, manualStart: true } as ConstructorParameters<typeof Socket>[0];
    const { host, port } = target;
    return await askStream(new Socket(options).connect({ host, port }), timeoutMs);
  } catch (error) {
    return failure(error as NodeJS.ErrnoException);
  }
}

/** The address that this host would use. */
function sourceFor({ host, port }: Target): Promise<string> {
  const probe = createSocket(host.includes(":") ? "udp6" : "udp4");
  return new Promise((resolve, reject) => {
    probe.once("error", reject);
    probe.connect(port, host, () => {
      const { address } = probe.address();
      probe.close();
      resolve(address);
    });
  });
}
