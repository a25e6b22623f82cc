/** What a client learns when the runtime fails after the connection has become a stream. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import test from "node:test";
import { WebSocket } from "ws";
import { createLog } from "../../lib/log.ts";
import type { ContainerInfo, ContainerRuntime } from "../runtime/container-runtime.ts";
import type { ExecStatus } from "./exec-status.ts";
import { type StreamServerOptions, serveUpgrade } from "./upgrade.ts";

const errorChannel = 3;

function broken(): StreamServerOptions {
  const container = { id: "1", name: "main", state: { kind: "running", startedAtMs: 0 } };
  const info = container as unknown as ContainerInfo;
  const runtime: Partial<ContainerRuntime> = {
    get: () => info,
    openExec: () => Promise.reject(new Error("containerd's streams cannot be reached: no answer")),
  };
  return {
    runtime: runtime as ContainerRuntime,
    targets: { container: () => info, network: () => ({ path: undefined }) },
    port: { dialLoopback: () => assert.fail("nothing is forwarded") },
    log: createLog(),
  };
}

test("exec: why a command could not be begun is told on the error stream", { timeout: 20_000 }, async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  server.on("upgrade", (request, socket, head) => {
    const url = new URL(request.url ?? "/", "http://node");
    void serveUpgrade({ request, url, socket, head }, broken());
  });
  const { port } = server.address() as AddressInfo;
  const query = "command=true&output=1&error=1";
  const client = new WebSocket(`ws://127.0.0.1:${port}/exec/default/web/main?${query}`, ["v5.channel.k8s.io"]);
  const said: Buffer[] = [];
  client.on("message", (data: Buffer) => {
    if (data[0] === errorChannel) said.push(data.subarray(1));
  });
  await once(client, "close");
  const { message, code } = JSON.parse(Buffer.concat(said).toString()) as ExecStatus;
  assert.deepEqual(
    [message, code],
    ["Internal error occurred: containerd's streams cannot be reached: no answer", 500],
  );
});
