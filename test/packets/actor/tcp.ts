/** TCP: each answer is one line. */
import { connect, createServer, type Socket } from "node:net";
import type { Answer, Target } from "../order.ts";
import { bare, failure } from "./text.ts";

/** A line "?" is answered and the connection ended; "more" is answered with the count of bytes so far, and it stays. */
export function serveTcp(port: number, name: string): Promise<void> {
  const server = createServer((socket) => answer(socket, name));
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "::", 1024, resolve);
  });
}

export function answer(socket: Socket, name: string): void {
  const { remoteAddress, remotePort: peerPort, localPort: port } = socket;
  let bytes = 0;
  socket.on("error", () => {});
  socket.on("data", (data) => {
    bytes += data.length;
    const text = `${JSON.stringify({ name, peer: bare(remoteAddress), peerPort, port, bytes })}\n`;
    if (data.at(-2) === "?".charCodeAt(0)) socket.end(text);
    else if (data.at(-1) === "\n".charCodeAt(0)) socket.write(text);
  });
}

export function askTcp(target: Target, timeoutMs: number): Promise<Answer> {
  return askStream(connectTcp(target), timeoutMs);
}

export function connectTcp({ host, port, local, localPort }: Target): Socket {
  return connect({ host, port, ...(local ? { localAddress: local } : {}), ...(localPort ? { localPort } : {}) });
}

/** Asks on a socket that is connecting. The end is a reset, so that no port waits. */
export function askStream(socket: Socket, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => finish({ failure: "silence" }), timeoutMs);
    const finish = (answer: Answer) => {
      clearTimeout(timer);
      socket.resetAndDestroy();
      resolve(answer);
    };
    let text = "";
    let from = "";
    socket.on("connect", () => {
      from = bare(socket.remoteAddress);
      socket.write("?\n");
    });
    socket.on("data", (bytes) => {
      text += bytes;
      if (!text.endsWith("\n")) return;
      const { bytes: _bytes, peerPort: _port, ...answer } = JSON.parse(text);
      finish({ ...answer, from });
    });
    socket.on("end", () => finish({ failure: "ended" }));
    socket.on("error", (error) => finish(failure(error)));
  });
}
