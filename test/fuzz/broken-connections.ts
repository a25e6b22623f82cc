/** Clients that break off, stall or dribble. The server must only go on. */
import type { Socket } from "node:net";
import { connectSocket, type Endpoint, requestBytes } from "../support/http-connection.ts";
import type { Random } from "./random.ts";
import type { FuzzRequest } from "./requests.ts";

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends a piece at a time. */
async function dribble(socket: Socket, bytes: Buffer, pieces: number): Promise<void> {
  const size = Math.ceil(bytes.length / pieces);
  for (let at = 0; at < bytes.length && !socket.destroyed; at += size) {
    socket.write(bytes.subarray(at, at + size));
    await wait(2);
  }
}

/** One odd connection with this request. */
export async function breakOff(random: Random, endpoint: Endpoint, { bytes }: FuzzRequest): Promise<void> {
  const socket = await connectSocket(endpoint);
  const half = bytes.subarray(0, 1 + random.int(bytes.length));
  const head = bytes.subarray(0, bytes.indexOf("\r\n\r\n") + 4);
  const watch = requestBytes("GET", "/api/v1/services?watch=true&timeoutSeconds=2");
  socket.resume();
  await random.oneOf([
    async () => void socket.write(half),
    async () => void socket.write(head),
    async () => void socket.write(bytes),
    () => dribble(socket, half, 10),
    async () => void socket.end(bytes),
    async () => void socket.write(Buffer.concat([bytes, bytes, bytes])),
    async () => void socket.write(Buffer.concat([bytes, random.bytes(200)])),
    async () => void socket.write(watch),
    async () => {
      // Asks for much, and reads none of it.
      socket.pause();
      for (let n = 0; n < 20; n++) socket.write(requestBytes("GET", "/openapi/v2"));
      await wait(50);
    },
  ]);
  await wait(random.int(20));
  socket.destroy();
}

/** Connections that begin a request and then say nothing: the server must end them by itself. */
export async function stall(endpoint: Endpoint, count: number): Promise<{ ended: Promise<void>; close(): void }> {
  const beginnings = [
    "GET /api HTTP/1.1\r\nhost: x\r\n",
    "POST /api/v1/namespaces/default/services HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{",
    "POST /api/v1/namespaces/default/services HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{",
  ];
  const sockets = await Promise.all(Array.from({ length: count }, () => connectSocket(endpoint)));
  const ended = sockets.map((socket, index) => {
    socket.resume();
    socket.write(beginnings[index % beginnings.length] ?? "");
    return new Promise<void>((resolve) => socket.once("close", () => resolve()));
  });
  return {
    ended: Promise.all(ended).then(() => {}),
    close: () => sockets.forEach((socket) => void socket.destroy()),
  };
}
