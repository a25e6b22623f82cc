/** The way to containerd's streams, with a server of SPDY in its place: it is at no port of this namespace. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import test from "node:test";
import { SpdyConnection, type SpdyStream } from "../../streams/spdy/connection.ts";
import { openCriExec } from "./streams.ts";

const wanted = { stdin: true, stdout: true, stderr: true, tty: false };
/** Nobody listens there. */
const url = "http://127.0.0.1:1/exec/token";

/** Answers every command with its standard input. */
function serve(stream: SpdyStream, all: Map<string, SpdyStream>): void {
  all.set(stream.headers.streamtype ?? "", stream);
  const [stdin, stdout, error] = ["stdin", "stdout", "error"].map((name) => all.get(name));
  if (!stdin || !stdout || !error || all.size < 4) return;
  stdin.pipe(stdout);
  stdout.once("finish", () => error.end(JSON.stringify({ status: "Success" })));
}

test("streams of a command are opened by the way to the machine, never from the node's own network", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-streams-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "socket");
  const server = createServer().listen(path);
  t.after(() => server.close());
  await once(server, "listening");
  const asked: string[] = [];
  server.on("upgrade", (request, socket) => {
    asked.push(`${request.method} ${request.url}`);
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n");
    const streams = new Map<string, SpdyStream>();
    new SpdyConnection(socket, (stream) => serve(stream, streams));
  });
  const dialed: number[] = [];
  const process = await openCriExec(url, wanted, (port) => {
    dialed.push(port);
    return connect(path);
  });
  process.stdin.end("hello");
  assert.deepEqual([await text(process.stdout), await process.exit], ["hello", 0]);
  assert.deepEqual([dialed, asked], [[1], ["POST /exec/token"]]);
});

test("who does not answer is told", async () => {
  await assert.rejects(
    openCriExec(url, wanted, () => connect("/nowhere/socket")),
    /^Error: containerd's streams cannot be reached: /,
  );
});
