/** A node without neighbours in a network namespace of its own, two servers on it, and their clients. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { CLONE_NEWNET, unshare } from "../../../src/kernel/ffi.ts";
import {
  createDummy,
  ensureAddress,
  getLink,
  openRouteSocket,
  replaceRoute,
  setLink,
} from "../../../src/kernel/route/mod.ts";
import { computeService } from "../../../src/proxy/compute.ts";
import type { ServicePort } from "../../../src/proxy/state.ts";
import { nodeA, service, slice } from "../../../src/proxy/testing/fixtures.ts";

export const servers = ["172.18.0.2", "172.18.0.3"] as const;
const vip = "10.96.0.1";
/** The machine is emulated. */
const answerMs = 40_000;

export function enterNode(): void {
  unshare(CLONE_NEWNET);
  const socket = openRouteSocket();
  setLink(socket, "lo", { up: true });
  createDummy(socket, "eth0", { up: true });
  const { index } = getLink(socket, "eth0");
  for (const address of ["172.18.0.2/16", "172.18.0.3/16", "fd00:18::2/64", "10.244.0.1/24", "fd00:10:244::1/64"]) {
    ensureAddress(socket, index, address);
  }
  // As every node has one: a Service's address must be routable before it is rewritten.
  replaceRoute(socket, { destination: "0.0.0.0/0", gateway: "172.18.0.1", linkIndex: index });
  socket.close();
}

export const web = (...ips: readonly string[]) =>
  new Map<string, readonly ServicePort[]>([["default/web", computeService(service(), [slice(ips)], nodeA)]]);

/** Answers each line with its address, until the client ends. */
export async function listen(address: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => socket.write(`${address}\n`));
  });
  server.listen(8080, address);
  await once(server, "listening");
  return server;
}

export async function ask(socket: Socket): Promise<string> {
  socket.write("?\n");
  const [answer] = (await once(socket, "data", { signal: AbortSignal.timeout(answerMs) })) as [Buffer];
  return answer.toString().trim();
}

export async function dial(): Promise<Socket> {
  const socket = connect({ host: vip, port: 80 });
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(answerMs) });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return socket;
}
