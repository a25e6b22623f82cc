import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { type RawData, WebSocket, WebSocketServer } from "ws";
import { success } from "./exec-status.ts";
import { webSocketSession } from "./web-socket-session.ts";

const protocol = { name: "v5.channel.k8s.io", base64: false, status: true };

test("nothing is sent to a client with a terminal before it has told its size, as older ones lose it", async () => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  server.on("connection", async (socket) => {
    const session = webSocketSession(socket, protocol, { stdin: true, stdout: true, stderr: false, tty: true });
    session.stdout?.write("early");
    await session.finish(success);
  });
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const seen: string[] = [];
  const closed = once(client, "close");
  client.on("message", (data: RawData) => seen.push(data.toString()));
  await once(client, "open");
  await new Promise((resolve) => setTimeout(resolve, 50));
  seen.push("size");
  client.send(Buffer.from('\x04{"Width":80,"Height":24}'));
  await closed;
  server.close();
  assert.deepEqual(seen, ["size", "\x01", "\x01early", `\x03${JSON.stringify(success)}`]);
});
