import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { refuseConnection } from "./refuse-connection.ts";

async function refused(code: string, bytesRead: number): Promise<string> {
  const socket = Object.assign(new PassThrough(), { bytesRead });
  refuseConnection(Object.assign(new Error(code), { code }), socket);
  let answer = "";
  socket.on("data", (chunk) => {
    answer += String(chunk);
  });
  await new Promise((resolve) => socket.once("close", resolve));
  return answer.split("\r\n")[0] ?? "";
}

test("a connection that nothing was asked on ends without a byte: clients keep spare ones", async () => {
  assert.equal(await refused("ERR_HTTP_REQUEST_TIMEOUT", 0), "");
});

test("what can not be read gets an answer that says why", async () => {
  assert.equal(await refused("ERR_HTTP_REQUEST_TIMEOUT", 8), "HTTP/1.1 408 Request Timeout");
  assert.equal(await refused("HPE_HEADER_OVERFLOW", 9000), "HTTP/1.1 431 Request Header Fields Too Large");
  assert.equal(await refused("HPE_INVALID_METHOD", 8), "HTTP/1.1 400 Bad Request");
  assert.equal(await refused("ECONNRESET", 8), "");
});
