import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { ensureBpffs } from "../../../kernel/bpf/bpffs.ts";
import { nodeCgroup } from "../../../kernel/bpf/cgroup.ts";
import { type Section, sections } from "../../../kernel/bpf/constants.ts";
import { BpfMap } from "../../../kernel/bpf/map.ts";
import { netnsCookie } from "../../../kernel/bpf/netns-cookie.ts";
import { attachedPrograms, mapShapeOf, openPinned } from "../../../kernel/bpf/syscall.ts";
import { CLONE_NEWNET, close, open, unshare } from "../../../kernel/ffi.ts";
import { detachMount, makePrivate } from "../../../kernel/mount.ts";
import { createNetns, deleteNetns, within } from "../../../kernel/netns.ts";
import { readU32 } from "../../../kernel/nftables/values.ts";
import { createVeth, openRouteSocket, setLink } from "../../../kernel/route/mod.ts";
import { computeService } from "../../compute.ts";
import type { ServicePort } from "../../state.ts";
import { nodeA, type ServiceFixture, service, settings, slice } from "../../testing/fixtures.ts";
import { propertySuite } from "../../testing/properties.ts";
import type { DataPlane, Report } from "../port.ts";
import { pair, read } from "./layout.ts";
import { createEbpfDataPlane, probeEbpf } from "./plane.ts";

/** include/uapi/linux/sched.h */
const CLONE_NEWNS = 0x20000;
const vip = "10.96.0.1";
const vip6 = "fd00:10:96::1";

const support = probeEbpf();
let bpffs = "";
if (support.ok) {
  // A node without any route: only a socket that is connected to another address gets through to a Service.
  unshare(CLONE_NEWNET);
  unshare(CLONE_NEWNS);
  makePrivate("/");
  const route = openRouteSocket();
  setLink(route, "lo", { up: true });
  route.close();
  bpffs = mkdtempSync(join(tmpdir(), "fairlead-bpffs-"));
  ensureBpffs(bpffs);
  process.on("exit", () => {
    detachMount(bpffs);
    rmdirSync(bpffs);
  });
}

const create = (): DataPlane => createEbpfDataPlane({ bpffs });

/** The kernel has files of its own there. */
const folders = (): string[] => readdirSync(bpffs).filter((name) => name.startsWith("fairlead-"));

/** Packet rules that do nothing: what gets through went through the programs. */
const nothing: DataPlane = {
  mode: "none",
  families: ["IPv4"],
  adopt: async () => ({}),
  sync: async () => ({ families: [] }),
  verify: async () => undefined,
  remove: async () => {},
  close: () => {},
};

const outsideScript = `
  const [protocol, host] = process.argv.slice(1);
  const show = (answer, peer) => { console.log(JSON.stringify({ answer, peer })); process.exit(0); };
  setTimeout(() => show("silence"), 2000);
  if (protocol === "TCP") {
    const socket = require("net").connect(80, host);
    socket.on("data", (bytes) => show(bytes.toString(), socket.remoteAddress));
    socket.on("error", (error) => show(error.code));
  } else {
    // With a peer, the socket learns of an error about what it sent.
    const socket = require("dgram").createSocket(host.includes(":") ? "udp6" : "udp4");
    socket.on("message", (bytes, peer) => show(bytes.toString(), peer.address));
    socket.on("error", (error) => show(error.code));
    socket.connect(80, host, () => socket.send("?"));
  }`;

/** As a host outside, in another namespace. */
async function askOutside(namespace: string, protocol: "TCP" | "UDP", host: string): Promise<unknown> {
  const child = within(namespace, () =>
    spawn(process.execPath, ["-e", outsideScript, protocol, host], { stdio: ["ignore", "pipe", "inherit"] }),
  );
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return JSON.parse(line.toString());
}

/** A host outside sends and is no longer there for the answer. */
async function sendAndGo(namespace: string, server: Socket, host: string): Promise<void> {
  const script = `
    const [host] = process.argv.slice(1);
    const socket = require("dgram").createSocket(host.includes(":") ? "udp6" : "udp4");
    socket.send("?", 80, host, () => socket.close());`;
  const child = within(namespace, () => spawn(process.execPath, ["-e", script, host], { stdio: "inherit" }));
  const exit = once(child, "exit");
  const [, { address, port }] = (await once(server, "message", { signal: AbortSignal.timeout(5000) })) as [
    Buffer,
    { address: string; port: number },
  ];
  await exit;
  server.connect(port, address);
  await once(server, "connect");
}

/** A client's sockets of one port, one for each host: each asks, and the last goes; on a sign the second asks again. */
const onePortScript = `
  const { createSocket } = require("dgram");
  const { once } = require("events");
  const hosts = process.argv.slice(1);
  const sockets = [];
  (async () => {
    for (const host of hosts) {
      const socket = createSocket({ type: host.includes(":") ? "udp6" : "udp4", reuseAddr: true });
      sockets.push(socket);
      await once(socket.bind(20000), "listening");
      socket.connect(80, host);
      await once(socket, "connect");
      socket.send("?");
      await once(socket, "message");
    }
    sockets.at(-1).close();
    console.log("answered");
    await once(process.stdin, "data");
    sockets[1].on("error", ({ code }) => { console.log(code); process.exit(0); });
    sockets[1].send("?");
  })();
  setTimeout(() => { console.log("silence"); process.exit(1); }, 5000);`;

/** What a socket with a peer is told about what it sends. */
async function errorOf(socket: Socket): Promise<string> {
  const error = new Promise<string>((resolve) =>
    socket.once("error", ({ code = "" }: NodeJS.ErrnoException) => resolve(code)),
  );
  socket.send("!");
  return Promise.race([error, new Promise<string>((resolve) => setTimeout(resolve, 2000, "silence"))]);
}

/** A host outside, in a namespace of its own, and two Pods' addresses here. */
async function withOutside(body: (namespace: string) => Promise<void>): Promise<void> {
  const namespace = join(mkdtempSync(join(tmpdir(), "fairlead-netns-")), "outside");
  createNetns(namespace);
  const ip = (line: string) => spawnSync("ip", line.split(" "), { stdio: ["ignore", "ignore", "inherit"] });
  for (const address of ["10.244.0.5/32", "fd00:10:244::5/128"]) ip(`addr add ${address} dev lo`);
  const [route, netnsFd] = [openRouteSocket(), open(namespace)];
  createVeth(route, { name: "eth0" }, { name: "eth0", netnsFd });
  route.close();
  close(netnsFd);
  const ends = [
    [(body: () => void) => body(), "172.18.0.2/16", "fd00:18::2/64"],
    [(body: () => void) => within(namespace, body), "172.18.0.1/16", "fd00:18::1/64"],
  ] as const;
  for (const [at, v4, v6] of ends) {
    at(() => {
      ip(`addr add ${v4} dev eth0`);
      ip(`addr add ${v6} dev eth0 nodad`);
      ip("link set eth0 up");
    });
  }
  within(namespace, () => {
    ip("route add 192.168.80.0/24 via 172.18.0.2");
    ip("route add fd00:80::/64 via fd00:18::2");
  });
  try {
    await body(namespace);
  } finally {
    ip("link del eth0");
    deleteNetns(namespace);
    rmSync(join(namespace, ".."), { recursive: true });
    for (const address of ["10.244.0.5/32", "fd00:10:244::5/128"]) ip(`addr del ${address} dev lo`);
  }
}

function clean(report: Report | undefined): Report["families"] {
  for (const family of report?.families ?? []) assert.equal(family.error, undefined);
  return report?.families ?? [];
}

const changesOf = (report: Report) => clean(report).reduce((sum, { added, removed }) => sum + added + removed, 0);

interface Backend {
  readonly ip: string;
  readonly port: number;
}

/** One Service "default/web" with the backends, of both protocols. */
function web(...of: Parameters<typeof webObjects>) {
  return new Map([["default/web", computeService(...webObjects(...of), nodeA)]]);
}

function webObjects(backends: readonly Backend[], fixture: ServiceFixture = {}, addressType: "IPv4" | "IPv6" = "IPv4") {
  const object = service({
    clusterIP: addressType === "IPv4" ? vip : vip6,
    ipFamilies: [addressType],
    ports: [
      { name: "tcp", port: 80, protocol: "TCP" },
      { name: "udp", port: 80, protocol: "UDP" },
    ],
    ...fixture,
  } as ServiceFixture);
  const slices = backends.map(({ ip, port }, n) =>
    slice([ip], {
      name: `web-${n}`,
      addressType,
      ports: ["TCP", "UDP"].map((protocol) => ({ name: protocol.toLowerCase(), port, protocol })),
    }),
  );
  return [object, slices] as const;
}

const sync = async (plane: DataPlane, services: ReadonlyMap<string, readonly ServicePort[]>) =>
  plane.sync({ services, full: true, settings: settings() });

/** The backend's own address, or the error's code; with the name that the socket has for its peer. */
function ask(host: string, port = 80): Promise<{ answer: string; peer?: string | undefined }> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let peer: string | undefined;
    socket.on("connect", () => {
      peer = `${socket.remoteAddress} ${socket.remotePort}`;
    });
    socket.on("data", (bytes) => resolve({ answer: bytes.toString(), peer }));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve({ answer: error.code ?? "" }));
  });
}

async function receive(socket: Socket): Promise<{ answer: string; peer: string }> {
  const [bytes, { address, port }] = (await once(socket, "message", { signal: AbortSignal.timeout(3000) })) as [
    Buffer,
    { address: string; port: number },
  ];
  return { answer: bytes.toString(), peer: `${address} ${port}` };
}

describe("ebpf data plane on the kernel", { skip: support.ok ? false : support.reason, concurrency: 1 }, () => {
  const servers: (Server | Socket)[] = [];
  const backends: Backend[] = [];
  const clients = new Map<string, Set<string>>();
  const clientsOf = (ip: string): Set<string> => clients.get(ip) ?? new Set();
  let attachedBefore = new Map<string, number>();

  before(async () => {
    attachedBefore = attached();
    for (const ip of ["127.0.0.11", "127.0.0.12", "127.0.0.13"]) backends.push(await serve(ip));
  });
  after(async () => {
    for (const server of servers) server.close();
    await nothingLeft();
  });

  /** The kernel takes programs away in the background. */
  async function nothingLeft(): Promise<void> {
    const limit = performance.now() + 10_000;
    while (!isDeepStrictEqual(attached(), attachedBefore) && performance.now() < limit) await sleep(10);
    assert.deepEqual(attached(), attachedBefore, "no program is left at the cgroup");
    assert.deepEqual(folders(), [], "nothing is left in the bpffs");
  }

  async function serve(ip: string): Promise<Backend> {
    const tcp = createServer((socket) => {
      socket.on("error", () => {});
      clients.set(ip, clientsOf(ip).add(socket.remoteAddress ?? ""));
      socket.end(ip);
    });
    await once(tcp.listen(0, ip), "listening");
    const { port } = tcp.address() as AddressInfo;
    const udp = createSocket(ip.includes(":") ? "udp6" : "udp4");
    udp.on("message", (_bytes, peer) => {
      clients.set(ip, clientsOf(ip).add(peer.address));
      udp.send(ip, peer.port, peer.address);
    });
    await once(udp.bind(port, ip), "listening");
    servers.push(tcp, udp);
    return { ip, port };
  }

  function attached(): Map<string, number> {
    const fd = open(nodeCgroup()?.path ?? "");
    const counts = Object.keys(sections)
      .filter((name) => name.startsWith("cgroup/"))
      .map((name): [string, number] => [name, attachedPrograms(fd, name as Section).length]);
    close(fd);
    return new Map(counts);
  }

  async function withPlane(body: (plane: DataPlane) => Promise<void>): Promise<void> {
    const plane = create();
    try {
      await plane.adopt();
      await body(plane);
    } finally {
      await plane.remove();
      plane.close();
    }
  }

  it("P239 connects TCP to every backend evenly; the socket's peer is the Service", () =>
    withPlane(async (plane) => {
      assert.equal((await ask(vip)).answer, "ENETUNREACH", "there is no route to the Service");
      clean(await sync(plane, web(backends)));
      const counts = new Map<string, number>();
      for (let n = 0; n < 600; n++) {
        const { answer, peer } = await ask(vip);
        assert.equal(peer, `${vip} 80`);
        counts.set(answer, (counts.get(answer) ?? 0) + 1);
      }
      assert.deepEqual([...counts.keys()].sort(), backends.map(({ ip }) => ip).sort());
      // Chi-squared with 2 degrees of freedom: above 18.4 once in 10,000 runs.
      const chi = [...counts.values()].reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0);
      assert.ok(chi < 18.4, `chi-squared ${chi}`);
    }));

  it("P239 connects TCP over IPv6, and from IPv6 sockets to IPv4 Services", () =>
    withPlane(async (plane) => {
      const own6 = await serve("::1");
      clean(await sync(plane, web([own6], {}, "IPv6")));
      assert.deepEqual(await ask(vip6), { answer: "::1", peer: `${vip6} 80` });
      clean(await sync(plane, web(backends.slice(0, 1))));
      assert.deepEqual(await ask(`::ffff:${vip}`), { answer: "127.0.0.11", peer: `::ffff:${vip} 80` });
    }));

  it("P239 answers of UDP come from the Service; P240 sockets with a peer are left to the packet rules", () =>
    withPlane(async (plane) => {
      clean(await sync(plane, web(backends)));
      const free = createSocket("udp4");
      const answers = new Set<string>();
      for (let n = 0; n < 20; n++) {
        free.send("?", 80, vip);
        const { answer, peer } = await receive(free);
        assert.equal(peer, `${vip} 80`);
        answers.add(answer);
      }
      assert.equal(answers.size, 1, "P62: a flow stays with its endpoint");
      const joined = createSocket("udp4");
      joined.connect(80, vip);
      await assert.rejects(once(joined, "connect"), { code: "ENETUNREACH" });
      // When its endpoint goes, a flow without a peer finds another.
      const [gone] = answers;
      clean(await sync(plane, web(backends.filter(({ ip }) => ip !== gone))));
      free.send("?", 80, vip);
      assert.notEqual((await receive(free)).answer, gone);
      free.close();
      joined.close();
    }));

  it("P80 P242 refuses at once where there is no endpoint", () =>
    withPlane(async (plane) => {
      clean(await sync(plane, web([])));
      assert.equal((await ask(vip)).answer, "ECONNREFUSED");
    }));

  it("P139 takes node ports of 127.0.0.1 and the node's addresses", () =>
    withPlane(async (plane) => {
      const ports = [{ name: "tcp", port: 80, protocol: "TCP", nodePort: 30080 }];
      clean(await sync(plane, web(backends.slice(0, 1), { type: "NodePort", ports } as ServiceFixture)));
      assert.deepEqual(await ask("127.0.0.1", 30080), { answer: "127.0.0.11", peer: "127.0.0.1 30080" });
      assert.equal((await ask("127.0.0.1", 30081)).answer, "ECONNREFUSED");
    }));

  it("P97 keeps a client with its endpoint, and P101 not when the endpoint went and came back", () =>
    withPlane(async (plane) => {
      const sticky = { sessionAffinity: "ClientIP" } as ServiceFixture;
      const seen = new Set<string>();
      // A new memory for each return: with one, all 12 rounds would name the same.
      for (let round = 0; round < 12; round++) {
        clean(await sync(plane, web(backends, sticky)));
        const { answer } = await ask(vip);
        for (let n = 0; n < 5; n++) assert.equal((await ask(vip)).answer, answer);
        seen.add(answer);
        clean(await sync(plane, web([], sticky)));
      }
      assert.ok(seen.size > 1);
    }));

  it("P103 forgets a client after its time", () =>
    withPlane(async (plane) => {
      const sticky = {
        sessionAffinity: "ClientIP",
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 1 } },
      } as ServiceFixture;
      clean(await sync(plane, web(backends, sticky)));
      const seen = new Set<string>();
      for (let round = 0; round < 12 && seen.size < 2; round++) {
        seen.add((await ask(vip)).answer);
        await new Promise((resolve) => setTimeout(resolve, 1100));
      }
      assert.ok(seen.size > 1);
    }));

  it("P82, P112, P268 sends packets from outside to local endpoints by itself, and answers and errors from the Service", async () => {
    await withOutside(async (namespace) => {
      const plane = createEbpfDataPlane({ bpffs, packets: nothing });
      try {
        await plane.adopt();
        for (const [family, own, external, host] of [
          ["IPv4", "10.244.0.5", "192.168.80.4", "172.18.0.1"],
          ["IPv6", "fd00:10:244::5", "fd00:80::4", "fd00:18::1"],
        ] as const) {
          const backend = await serve(own);
          const fixture = { externalIPs: [external], externalTrafficPolicy: "Local" } as ServiceFixture;
          clean(await sync(plane, web([backend], fixture, family)));
          const [tcp, udp] = [
            await askOutside(namespace, "TCP", external),
            await askOutside(namespace, "UDP", external),
          ];
          assert.deepEqual(tcp, { answer: own, peer: external });
          assert.deepEqual(udp, { answer: own, peer: external });
          assert.deepEqual([...clientsOf(own)], [host], "the client's own address arrives");
          clean(await sync(plane, web([{ ip: own, port: 1 }], fixture, family)));
          const refused = { answer: "ECONNREFUSED" };
          assert.deepEqual(await askOutside(namespace, "TCP", external), refused);
          assert.deepEqual(await askOutside(namespace, "UDP", external), refused, "P268: an error names the Service");
          const server = createSocket(family === "IPv4" ? "udp4" : "udp6");
          server.unref();
          server.bind(0, own);
          await once(server, "listening");
          clean(await sync(plane, web([{ ip: own, port: server.address().port }], fixture, family)));
          await sendAndGo(namespace, server, external);
          assert.equal(await errorOf(server), "ECONNREFUSED", "P268: an error about an answer reaches the endpoint");
          server.close();
        }
      } finally {
        await plane.remove();
        plane.close();
      }
    });
  });

  it("P78, P268 tells flows of one client's port to several addresses of a Service apart, and errors about them", async () => {
    await withOutside(async (namespace) => {
      const plane = createEbpfDataPlane({ bpffs, packets: nothing });
      try {
        await plane.adopt();
        for (const [family, own, hosts] of [
          ["IPv4", "10.244.0.5", ["192.168.80.4", "192.168.80.5", "192.168.80.6"]],
          ["IPv6", "fd00:10:244::5", ["fd00:80::4", "fd00:80::5", "fd00:80::6"]],
        ] as const) {
          const server = createSocket(family === "IPv4" ? "udp4" : "udp6");
          await once(server.bind(0, own), "listening");
          const peers: { address: string; port: number }[] = [];
          server.on("message", (_bytes, peer) => {
            peers.push(peer);
            server.send("!", peer.port, peer.address);
          });
          const fixture = { externalIPs: [...hosts], externalTrafficPolicy: "Local" } as ServiceFixture;
          clean(await sync(plane, web([{ ip: own, port: server.address().port }], fixture, family)));
          const child = within(namespace, () =>
            spawn(process.execPath, ["-e", onePortScript, ...hosts], { stdio: ["pipe", "pipe", "inherit"] }),
          );
          const said = async () => String((await once(child.stdout, "data"))[0]).trim();
          assert.equal(await said(), "answered");
          const ports = peers.map(({ port }) => port);
          assert.equal(ports[0], 20_000, "the first flow has the client's port");
          assert.equal(new Set(ports).size, hosts.length, "each has its own");
          const gone = peers.at(-1);
          server.connect(gone?.port ?? 0, gone?.address ?? "");
          await once(server, "connect");
          assert.equal(await errorOf(server), "ECONNREFUSED", "an error about an answer reaches the endpoint");
          server.close();
          child.stdin.write("go");
          assert.equal(await said(), "ECONNREFUSED", "an error about a question reaches the client's socket");
          await once(child, "exit");
        }
      } finally {
        await plane.remove();
        plane.close();
      }
    });
  });

  it("leaves processes of other namespaces alone", () =>
    withPlane(async (plane) => {
      clean(await sync(plane, web(backends)));
      const script = `require("net").connect(80,"${vip}").on("error",e=>console.log(e.code)).on("connect",()=>console.log("through"))`;
      const { stdout } = spawnSync("unshare", ["--net", process.execPath, "-e", script], { encoding: "utf8" });
      assert.equal(stdout.trim(), "ENETUNREACH");
    }));

  it("P205 goes on when its process is killed; P207 the next one adopts all and writes nothing; P104 clients stay", async () => {
    const fixture = { sessionAffinity: "ClientIP" } as ServiceFixture;
    const services = web(backends, fixture);
    const load = (path: string) => `await import(${JSON.stringify(new URL(path, import.meta.url).href)})`;
    const script = `
      const { createEbpfDataPlane } = ${load("plane.ts")};
      const { computeService } = ${load("../../compute.ts")};
      const { nodeA, settings } = ${load("../../testing/fixtures.ts")};
      const services = new Map([["default/web", computeService(...${JSON.stringify(webObjects(backends, fixture))}, nodeA)]]);
      const plane = createEbpfDataPlane({ bpffs: ${JSON.stringify(bpffs)} });
      await plane.adopt();
      const report = await plane.sync({ services, full: true, settings: settings() });
      console.log(report.families.find(({ error }) => error)?.error ?? "ready");
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    assert.equal(line.toString().trim(), "ready");
    const { answer } = await ask(vip);
    child.kill("SIGKILL");
    await once(child, "exit");
    assert.equal((await ask(vip)).answer, answer);
    await withPlane(async (plane) => {
      assert.equal(changesOf(await sync(plane, services)), 0);
      for (let n = 0; n < 10; n++) assert.equal((await ask(vip)).answer, answer);
      clean(await sync(plane, web(backends.slice(1), { sessionAffinity: "ClientIP" } as ServiceFixture)));
      for (let n = 0; n < 10; n++) assert.notEqual((await ask(vip)).answer, "127.0.0.11");
    });
  });

  it("P215 has nothing to take away where there was nothing, and makes nothing for it", async () => {
    await nothingLeft();
    await withPlane(async () => {
      assert.deepEqual(folders(), []);
      assert.deepEqual(attached(), attachedBefore);
    });
  });

  it("P214 is removed after it was closed, and closed twice", async () => {
    const plane = create();
    await plane.adopt();
    await plane.sync({ services: web(backends), full: true, settings: settings() });
    plane.close();
    plane.close();
    assert.equal((await ask(vip)).answer?.startsWith("127.0.0.1"), true, "the programs stay");
    await plane.remove();
    await nothingLeft();
  });

  it("P206 replaces programs and maps of another version without a gap", async () => {
    const services = web(backends);
    const old = create();
    await old.adopt();
    clean(await sync(old, services));
    const linked = attached();
    old.close();
    const all = maps(["settings_map"]);
    const key = "\0\0\0\0";
    const bytes = all.get("settings_map")?.get(key) ?? "";
    all.get("settings_map")?.set(key, `${bytes.slice(0, 20)}\x01\x02\x03\x04${bytes.slice(24)}`);
    let failures = 0;
    let isDone = false;
    const asking = (async () => {
      while (!isDone) if (!(await ask(vip)).answer.startsWith("127.")) failures++;
    })();
    await withPlane(async (plane) => {
      assert.ok(changesOf(await sync(plane, services)) > 0, "the maps are new");
      assert.deepEqual(attached(), linked, "each place has one program, as before");
      clean(await sync(plane, web(backends.slice(0, 1))));
      assert.equal((await ask(vip)).answer, "127.0.0.11", "the new maps are in use");
      isDone = true;
      await asking;
      assert.equal(failures, 0);
      const next = create();
      assert.notEqual((await next.adopt()).programs, 0, "the next process finds the new ones");
      next.close();
    });
  });

  it("P197 other settings render all Services anew: without a block of Pods clients outside are not masqueraded", () =>
    withPlane(async (plane) => {
      const services = web(backends);
      const none = new Map<string, readonly ServicePort[]>();
      const flags = () =>
        [...(maps(["outside"]).get("outside")?.entries() ?? [])].map(({ value }) => value.charCodeAt(16));
      clean(await sync(plane, services));
      assert.deepEqual(flags(), [2, 2]);
      const other = settings({ podCidrs: [] });
      clean(await plane.sync({ services: none, full: false, settings: other, everything: () => services }));
      assert.deepEqual(flags(), [0, 0]);
      assert.equal(changesOf(await plane.sync({ services: none, full: false })), 0);
      clean(await plane.sync({ services: new Map([["default/web", []]]), full: false }));
      assert.deepEqual(flags(), [], "what changed them knows whose they are");
    }));

  it("P217 brings back elements and programs that somebody deleted, with the next full sync", () =>
    withPlane(async (plane) => {
      clean(await sync(plane, web(backends)));
      const before = meaning();
      assert.equal(await plane.verify(), undefined);
      const services = maps().get("services");
      for (const { key } of services?.entries() ?? []) services?.delete(key);
      rmSync(join(bpffs, folders()[0] ?? "", "links", "connect4"));
      assert.equal((await ask(vip)).answer, "ENETUNREACH");
      assert.ok(changesOf(await sync(plane, web(backends))) > 0);
      assert.deepEqual(meaning(), before);
      assert.notEqual((await ask(vip)).answer, "ENETUNREACH");
    }));

  const damages: Record<string, (map: BpfMap, entry: { key: string; value: string }) => void> = {
    deleted: (map, { key }) => void map.delete(key),
    changed: (map, { key, value }) => map.set(key, `${value.slice(0, -1)}\x7f`),
    added: (map, { key, value }) => map.set(`${key.slice(0, -1)}\x7f`, value),
  };
  for (const [what, damage] of Object.entries(damages)) {
    for (const name of ["services", "endpoints"]) {
      it(`P217 finds in steps that an element of ${name} was ${what}, and puts it right`, async () => {
        const plane = createEbpfDataPlane({ bpffs, packets: nothing, restMs: 0 });
        try {
          clean(await sync(plane, web(backends)));
          const map = maps().get(name);
          const held = () => new Map(map?.entries().map(({ key, value }) => [key, value]));
          const before = held();
          const [entry] = map?.entries() ?? [];
          assert.ok(map && entry);
          damage(map, entry);
          assert.notDeepEqual(held(), before);
          for (let looks = 0; looks < 200 && !isDeepStrictEqual(held(), before); looks++) {
            await plane.verify();
            await sleep(10);
          }
          assert.deepEqual(held(), before);
          for (let looks = 0; looks < 20; looks++, await sleep(10)) assert.equal(await plane.verify(), undefined);
        } finally {
          await plane.remove();
          plane.close();
        }
      });
    }
  }

  propertySuite("the ebpf data plane's maps", () => {
    unshare(CLONE_NEWNET);
    const folder = `fairlead-${netnsCookie().toString(16)}`;
    const createOne = () => createEbpfDataPlane({ bpffs, packets: nothing });
    return {
      create: createOne,
      read: () => meaning(folder),
      close: async () => {
        const last = createOne();
        await last.remove();
        last.close();
      },
    };
  });

  function maps(more: readonly string[] = [], folder = folders()[0] ?? ""): Map<string, BpfMap> {
    const path = join(bpffs, folder, "maps");
    assert.ok(existsSync(path));
    return new Map(
      ["services", "outside", "endpoints", "handles", "addresses", ...more].map((name) => {
        const fd = openPinned(join(path, name));
        return [name, new BpfMap(name, fd, mapShapeOf(fd))];
      }),
    );
  }

  /** What the maps say, whatever the numbers: destination → targets. */
  function meaning(folder?: string): unknown {
    const all = maps([], folder);
    const entries = (name: string) =>
      new Map(
        all
          .get(name)
          ?.entries()
          .map(({ key, value }) => [key, value]),
      );
    const [endpoints, handles] = [entries("endpoints"), entries("handles")];
    const sets = new Map<number, number>();
    const text = ["services", "outside"].flatMap((map) =>
      [...entries(map)].map(([key, value]) => {
        const [set, count, affinitySec, flags] = [4, 8, 12, 16].map((at) => readU32(value, at)) as [
          number,
          number,
          number,
          number,
        ];
        sets.set(set, count);
        const targets = Array.from({ length: count }, (_, n) => endpoints.get(pair(set, n)) ?? "missing");
        for (const target of targets) {
          const handle = read.handle(target);
          if (handle > 0) assert.equal(handles.get(pair(set, handle)), target);
        }
        return JSON.stringify([map, key, affinitySec, flags, targets.map(read.target)]);
      }),
    );
    const result = {
      services: text.sort(),
      addresses: [...entries("addresses")].sort(),
      // Nothing but what a Service points at.
      endpoints: endpoints.size - [...sets.values()].reduce((sum, count) => sum + count, 0),
      handles: [...endpoints.values()].filter((value) => read.handle(value) > 0).length - handles.size,
    };
    for (const map of all.values()) map.close();
    assert.equal(result.endpoints, 0);
    assert.equal(result.handles, 0);
    return result;
  }
});
