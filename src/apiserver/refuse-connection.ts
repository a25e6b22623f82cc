/** The end of a connection on which no request could be read. */
import type { Duplex } from "node:stream";

const answers: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};

/**
 * Bytes that are no HTTP, a head that is too large and a request that does not end get an answer, if the client still
 * listens. A connection that nothing was asked on ends without a byte: clients keep spare ones, and would take what
 * comes there for the answer to their next request.
 */
export function refuseConnection({ code = "" }: NodeJS.ErrnoException, socket: Duplex & { bytesRead?: number }): void {
  const unused = code === "ERR_HTTP_REQUEST_TIMEOUT" && socket.bytesRead === 0;
  if (unused || code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const status = answers[code] ?? "400 Bad Request";
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`, () => socket.destroy());
}
