/** UDP: each datagram is answered with one. */
import { createSocket, type Socket } from "node:dgram";
import type { Answer, Target } from "../order.ts";
import { bare, failure, nextSourcePort } from "./text.ts";

/** As every UDP client does: an ICMP error may be held back by the kernel's rate limit. */
const againMs = 100;

export function serveUdp(port: number, name: string): Promise<void> {
  const socket = createSocket({ type: "udp6" });
  socket.on("message", ({ length }, peer) => {
    const text = JSON.stringify({ name, peer: bare(peer.address), port });
    socket.send(text.padEnd(length), peer.port, peer.address);
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, "::", () => resolve());
  });
}

export async function openUdp({
  host,
  port,
  local,
  localPort,
  unconnected,
  bytes = 1,
}: Target): Promise<{ socket: Socket; send(): void }> {
  // Two sockets may have one port, to two peers.
  const reuseAddr = localPort !== undefined;
  const socket = createSocket({ type: host.includes(":") ? "udp6" : "udp4", reuseAddr });
  await bindNext(socket, local, localPort);
  const question = "?".padEnd(bytes);
  if (unconnected) return { socket, send: () => socket.send(question, port, host, () => {}) };
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.connect(port, host, () => {
      socket.removeListener("error", reject);
      resolve();
    });
  });
  return { socket, send: () => socket.send(question, () => {}) };
}

async function bindNext(socket: Socket, local: string | undefined, localPort?: number): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once("error", reject);
        socket.bind({ port: localPort ?? nextSourcePort(), ...(local ? { address: local } : {}) }, () => {
          socket.removeListener("error", reject);
          resolve();
        });
      });
      return;
    } catch (error) {
      if (tries === 10) throw error;
    }
  }
}

export async function askUdp(target: Target, timeoutMs: number): Promise<Answer> {
  const { socket, send } = await openUdp(target);
  return new Promise((resolve) => {
    const timer = setTimeout(() => finish({ failure: "silence" }), timeoutMs);
    const again = setInterval(send, againMs);
    const finish = (answer: Answer) => {
      clearTimeout(timer);
      clearInterval(again);
      socket.close();
      resolve(answer);
    };
    socket.on("error", (error) => finish(failure(error)));
    socket.on("message", (bytes, peer) => finish({ ...JSON.parse(bytes.toString()), from: peer.address }));
    send();
  });
}
