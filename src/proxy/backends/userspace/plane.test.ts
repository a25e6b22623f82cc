/** On the machine's own loopback, as whoever runs the tests: no namespaces, no rights. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { after, afterEach, beforeEach, describe, it } from "node:test";
import { computeService } from "../../compute.ts";
import { seededRandom } from "../../testing/churn.ts";
import { nodeA, type ServiceFixture, service, settings, slice } from "../../testing/fixtures.ts";
import type { Report } from "../port.ts";
import { createUserspaceDataPlane, type UserspaceDataPlane } from "./plane.ts";

/** Serves what `handle` does at a port of its own. */
async function serve(handle: (socket: Socket) => void): Promise<{ port: number; server: Server }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    handle(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return { port: address.port, server };
}

const servers: Server[] = [];
async function named(name: string): Promise<number> {
  const { port, server } = await serve((socket) => socket.end(name));
  servers.push(server);
  return port;
}
after(() => {
  for (const server of servers) server.close();
});

let plane: UserspaceDataPlane;
beforeEach(async () => {
  plane = createUserspaceDataPlane({ random: seededRandom(7), reach: "loopback" });
  await plane.adopt();
});
afterEach(() => plane.remove());

type Ports = readonly (number | { port: number; protocol: string })[];

/** The Service "default/web" with endpoints at 127.0.0.1 and these ports. */
async function apply(ports: Ports, fixture: ServiceFixture = {}, name = "web"): Promise<Report> {
  const slices = ports.map((entry, n) => {
    const { port, protocol } = typeof entry === "number" ? { port: entry, protocol: "TCP" } : entry;
    return slice(["127.0.0.1"], { name: `${name}-${n}`, of: name, ports: [{ port, protocol }] });
  });
  const web = service({ name, ports: [{ port: 8000, protocol: "TCP" }], ...fixture });
  const state = new Map([[`default/${name}`, computeService(web, slices, nodeA)]]);
  const report = await plane.sync({ services: state, full: false, settings: settings({ podCidrs: [] }) });
  for (const { error } of report.families) assert.equal(error, undefined);
  return report;
}

function where(): { host: string; port: number } {
  const [first] = plane.services();
  assert.ok(first);
  return { host: first.address, port: first.listenPort };
}

/** What the server says until it ends, or the error's code. */
async function ask(to = where()): Promise<string> {
  const socket = connect(to);
  const heard: Buffer[] = [];
  socket.on("data", (data: Buffer) => heard.push(data));
  try {
    await once(socket, "end");
    return Buffer.concat(heard).toString();
  } catch (error) {
    return String(error instanceof Error && "code" in error ? error.code : error);
  } finally {
    socket.destroy();
  }
}

async function count(times: number): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (let n = 0; n < times; n++) {
    const name = await ask();
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

describe("userspace data plane", () => {
  it("P61 spreads connections evenly (chi-squared, 3 endpoints)", async () => {
    await apply(await Promise.all(["a", "b", "c"].map(named)));
    const counts = await count(600);
    const squares = ["a", "b", "c"].map((name) => ((counts.get(name) ?? 0) - 200) ** 2 / 200);
    const chi = squares.reduce((sum, square) => sum + square, 0);
    // 2 degrees of freedom, 1 in 1,000.
    assert.ok(chi < 13.8, `chi-squared ${chi}: ${JSON.stringify([...counts])}`);
  });
  it("P237 tries the next endpoint when one refuses", async () => {
    const { port, server } = await serve(() => {});
    server.close();
    await apply([port, await named("a")]);
    assert.deepEqual([...(await count(20))], [["a", 20]]);
  });
  it("resets a client when no endpoint answers", async () => {
    const { port, server } = await serve(() => {});
    server.close();
    await apply([port]);
    assert.equal(await ask(), "ECONNRESET");
  });
  it("P80 refuses without endpoints, and serves again with one", async () => {
    const port = await named("a");
    await apply([port]);
    const to = where();
    assert.equal(await ask(to), "a");
    await apply([]);
    assert.equal(await ask(to), "ECONNREFUSED");
    await apply([port]);
    assert.equal(await ask(to), "a");
  });
  it("P97 keeps a client at its endpoint, P100 until that is gone", async () => {
    const ports = await Promise.all(["a", "b", "c"].map(named));
    const sticky = { sessionAffinity: "ClientIP" } as const;
    await apply(ports, sticky);
    const first = await ask();
    assert.deepEqual([...(await count(20))], [[first, 20]]);
    const rest = ports.filter((_, n) => "abc"[n] !== first);
    await apply(rest, sticky);
    const second = await ask();
    assert.notEqual(second, first);
    await apply(ports, sticky);
    assert.deepEqual([...(await count(20))], [[second, 20]]);
  });
  it("P97 gives connections that a client begins at once one endpoint", async () => {
    await apply(await Promise.all([..."abcdefgh"].map(named)), { sessionAffinity: "ClientIP" });
    const heard = await Promise.all(Array.from({ length: 6 }, () => ask()));
    assert.equal(new Set(heard).size, 1, heard.join(", "));
  });
  it("P248 leaves connections alone when endpoints and the Service go", async () => {
    const { port, server } = await serve((socket) => socket.pipe(socket));
    servers.push(server);
    await apply([port]);
    const socket = connect(where());
    const say = async (word: string) => {
      socket.write(word);
      const [data] = await once(socket, "data");
      assert.equal(String(data), word);
    };
    await say("one");
    await apply([await named("b")]);
    await say("two");
    await plane.sync({ services: new Map([["default/web", []]]), full: false });
    assert.deepEqual(plane.services(), []);
    await say("three");
    socket.end();
    await once(socket, "close");
  });
  it("P236 passes the end of each direction on by itself", async () => {
    const { port, server } = await serve((socket) => {
      let size = 0;
      socket.on("data", (data) => {
        size += data.length;
      });
      // The answer comes only after the client's end.
      socket.on("end", () => socket.end(`got ${size}`));
    });
    servers.push(server);
    await apply([port]);
    const socket = connect({ ...where(), allowHalfOpen: true });
    socket.end("x".repeat(300_000));
    const [data] = await once(socket, "data");
    assert.equal(String(data), "got 300000");
  });
  it("passes a reset on", async () => {
    const { port, server } = await serve((socket) => socket.once("data", () => socket.resetAndDestroy()));
    servers.push(server);
    await apply([port]);
    const socket = connect(where());
    socket.write("x");
    const [error] = await once(socket, "error");
    assert.equal(error.code, "ECONNRESET");
  });
  it("takes no more from a client than its server takes", async () => {
    const accepted = Promise.withResolvers<Socket>();
    const { port, server } = await serve((socket) => accepted.resolve(socket.pause()));
    servers.push(server);
    await apply([port]);
    const socket = connect(where());
    const chunk = Buffer.alloc(1 << 20);
    let sent = 0;
    const before = process.memoryUsage().arrayBuffers;
    for (let n = 0; n < 64; n++) {
      if (socket.write(chunk)) sent++;
      else if (await Promise.race([once(socket, "drain"), new Promise((resolve) => setTimeout(resolve, 300))])) sent++;
      else break;
    }
    assert.ok(sent < 32, `${sent} MiB went into a server that reads nothing`);
    assert.ok(process.memoryUsage().arrayBuffers - before < 16 << 20);
    const closed = new Promise((resolve) => socket.on("close", resolve).on("error", () => {}));
    (await accepted.promise).resetAndDestroy();
    await closed;
  });
  it("P79 carries UDP, P62 a flow stays with its endpoint, P153 until that serves no more", async () => {
    const echoes = await Promise.all(["a", "b"].map(udpServer));
    const udp: ServiceFixture = { ports: [{ port: 8000, protocol: "UDP" }] };
    const entries = echoes.map(({ port }) => ({ port, protocol: "UDP" }));
    await apply(entries, udp);
    const { host, port } = where();
    const client = createSocket("udp4");
    const say = async () => {
      client.send("?", port, host);
      const [data] = await once(client, "message");
      return String(data);
    };
    const first = await say();
    for (let n = 0; n < 10; n++) assert.equal(await say(), first);
    await apply(
      entries.filter((_, n) => "ab"[n] !== first),
      udp,
    );
    assert.notEqual(await say(), first);
    client.close();
    for (const { close } of echoes) close();
  });
  it("reports an address that somebody else has, serves the others and takes it when it is free", async () => {
    const port = await named("a");
    const { port: nodePort, server } = await serve(() => {});
    const fixture: ServiceFixture = { type: "NodePort", ports: [{ port: 8000, nodePort, protocol: "TCP" }] };
    const report = await apply([port], fixture);
    assert.deepEqual(report.families[0]?.refused, ["default/web"]);
    assert.equal(plane.services().length, 1);
    server.close();
    const again = await apply([port], fixture);
    assert.deepEqual(again.families[0]?.refused, []);
    assert.equal(await ask({ host: "127.0.0.1", port: nodePort }), "a");
  });
  it("P81 a Local policy without an endpoint here leaves nothing to connect to", async () => {
    const elsewhere = slice([{ ip: "127.0.0.1", node: "node-b" }], { ports: [{ port: await named("a") }] });
    const web = service({ ports: [{ port: 8000, protocol: "TCP" }], internalTrafficPolicy: "Local" });
    const services = new Map([["default/web", computeService(web, [elsewhere], nodeA)]]);
    await plane.sync({ services, full: true, settings: settings() });
    assert.deepEqual(plane.services(), []);
  });
  it("says where each Service is", async () => {
    await apply([await named("a")]);
    const [first] = plane.services();
    assert.deepEqual(first, {
      service: "default/web",
      name: "default/web:/TCP/IPv4",
      protocol: "TCP",
      vip: "10.96.0.1",
      port: 8000,
      address: "127.72.119.96",
      listenPort: 8000,
    });
  });
});

async function udpServer(name: string): Promise<{ port: number; close: () => void }> {
  const socket = createSocket("udp4");
  socket.on("message", (_, from) => socket.send(name, from.port, from.address));
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return { port: socket.address().port, close: () => socket.close() };
}
