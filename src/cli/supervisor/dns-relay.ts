/**
 * Names outside the cluster: its DNS server cannot reach the host's network, so it asks here, over a unix socket
 * with DNS messages framed as over TCP (RFC 1035, 4.2.2), and the host's own resolvers are asked from the host.
 */
import dgram from "node:dgram";
import { readFileSync, rmSync } from "node:fs";
import net, { isIP } from "node:net";
import type { Log } from "../../lib/log.ts";
import { errorCode } from "../errors.ts";

/** "nameserver" lines of resolv.conf(5), at most three. */
export function parseResolvers(text: string): string[] {
  const lines = text.split("\n").map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1]);
  return lines.filter((address): address is string => address !== undefined && isIP(address) !== 0).slice(0, 3);
}

function readResolvers(path: string): string[] {
  try {
    return parseResolvers(readFileSync(path, "utf8"));
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

interface Resolver {
  readonly address: string;
  readonly port: number;
}

const dnsPort = 53;
const timeoutMs = 2000;
const TC = 0x02;
const maxInFlight = 256;

/** One UDP exchange; undefined when there is no answer in time. */
function askUdp({ address, port }: Resolver, query: Buffer): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket(isIP(address) === 6 ? "udp6" : "udp4");
    const done = (answer?: Buffer): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on("error", () => {});
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(done, timeoutMs);
    socket.on("error", () => done());
    socket.on("message", (answer) => {
      if (answer.length >= 12 && answer.readUInt16BE(0) === query.readUInt16BE(0)) done(answer);
    });
    socket.connect(port, address, () => socket.send(query));
  });
}

/** The same over TCP, for answers that are too long for UDP. */
function askTcp({ address, port }: Resolver, query: Buffer): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: address, port, timeout: timeoutMs });
    const frames = frameReader((answer) => {
      resolve(answer);
      socket.destroy();
    });
    socket.on("connect", () => socket.write(frame(query)));
    socket.on("data", frames);
    socket.on("timeout", () => socket.destroy());
    socket.on("error", () => {});
    socket.on("close", () => resolve(undefined));
  });
}

export function frame(message: Buffer): Buffer {
  const framed = Buffer.alloc(2 + message.length);
  framed.writeUInt16BE(message.length);
  message.copy(framed, 2);
  return framed;
}

/** Takes chunks of a stream, hands on whole messages. */
export function frameReader(onMessage: (message: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      const length = rest.readUInt16BE(0);
      onMessage(rest.subarray(2, 2 + length));
      rest = rest.subarray(2 + length);
    }
  };
}

const RCODE_SERVFAIL = 2;

/** The query, turned into an answer that says that there is none to be had. */
function failure(query: Buffer): Buffer {
  const answer = Buffer.from(query);
  answer[2] = (answer[2] ?? 0) | 0x80;
  answer[3] = ((answer[3] ?? 0) & 0xf0) | RCODE_SERVFAIL;
  return answer;
}

async function resolve(servers: readonly Resolver[], query: Buffer): Promise<Buffer> {
  for (const server of servers) {
    const answer = await askUdp(server, query);
    if (!answer) continue;
    return (answer[2] ?? 0) & TC ? ((await askTcp(server, query)) ?? answer) : answer;
  }
  return failure(query);
}

/** Serves until closed. The resolvers are read again for each connection: a laptop changes its network. */
export async function startDnsRelay(
  path: string,
  { resolvConf, port = dnsPort, log }: { resolvConf: string; port?: number; log: Log },
): Promise<{ close(): void }> {
  rmSync(path, { force: true });
  let inFlight = 0;
  const server = net.createServer((client) => {
    const servers = readResolvers(resolvConf).map((address) => ({ address, port }));
    const answer = async (query: Buffer): Promise<void> => {
      if (query.length < 12) return void client.destroy();
      const refused = inFlight >= maxInFlight;
      inFlight++;
      const message = refused ? failure(query) : await resolve(servers, query);
      inFlight--;
      if (client.writable) client.write(frame(message));
    };
    client.on(
      "data",
      frameReader((query) => void answer(query)),
    );
    client.on("error", (error) => log.debug("A client of the DNS relay left", { error }));
  });
  await new Promise<void>((done, reject) => {
    server.once("error", reject);
    server.listen(path, done);
  });
  return { close: () => void server.close() };
}
