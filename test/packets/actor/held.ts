/** Connections and flows that stay open between orders. */

import type { Socket as UdpSocket } from "node:dgram";
import type { Socket } from "node:net";
import type { Answer, Target } from "../order.ts";
import { connectTcp } from "./tcp.ts";
import { bare } from "./text.ts";
import { openUdp } from "./udp.ts";

const open = new Map<string, { readonly socket: Socket | UdpSocket; send(bytes: number): void }>();
const connectMs = 3_000;

export async function hold(key: string, target: Target): Promise<Answer> {
  const old = open.get(key)?.socket;
  if (old) "destroy" in old ? old.destroy() : old.close();
  open.set(key, target.protocol === "UDP" ? await holdUdp(target) : await holdTcp(target));
  return {};
}

async function holdUdp(target: Target) {
  const { socket, send } = await openUdp(target);
  socket.on("error", () => {});
  return { socket, send: () => send() };
}

function holdTcp(target: Target): Promise<{ socket: Socket; send(bytes: number): void }> {
  const socket = connectTcp(target);
  const send = (bytes: number) => socket.write(`${"x".repeat(bytes)}\n`);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("silence")), connectMs);
    socket.on("error", reject);
    socket.once("connect", () => {
      clearTimeout(timer);
      resolve({ socket, send });
    });
  });
}

/** Asks once more on it. Of many bytes the answers are partial until all have come. */
export function held(key: string, timeoutMs: number, bytes = 0): Promise<Answer> {
  const it = open.get(key);
  if (!it) return Promise.resolve({ failure: "nothing is held" });
  const { socket } = it;
  const events = "destroy" in socket ? "data" : "message";
  return new Promise((resolve) => {
    const finish = (answer: Answer) => {
      clearTimeout(timer);
      (socket as Socket).removeListener(events, onData);
      (socket as Socket).removeListener("close", onClose);
      resolve(answer);
    };
    let text = "";
    const onData = (data: Buffer) => {
      text += data;
      const line = text.trim().split("\n").at(-1) ?? "";
      if ("destroy" in socket && !text.endsWith("\n")) return;
      const { bytes: heard = bytes, peer, ...answer } = JSON.parse(line);
      const { localPort } = socket as Socket;
      if (heard >= bytes)
        finish({ ...answer, ...(peer ? { peer: bare(peer) } : {}), ...(localPort ? { localPort } : {}) });
    };
    const onClose = () => finish({ failure: "ended" });
    const timer = setTimeout(() => finish({ failure: "silence" }), timeoutMs);
    (socket as Socket).on(events, onData);
    (socket as Socket).on("close", onClose);
    it.send(bytes);
  });
}
