/** `fairlead proxy` as an operator runs it: a process of its own against an API server, as root and as an ordinary user. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, get, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { kinds } from "../../src/api/kinds/mod.ts";
import { endpointSlices, services } from "../../src/api/resource.ts";
import { ensurePki } from "../../src/apiserver/pki.ts";
import { type ApiServer, createApiServer } from "../../src/apiserver/server.ts";
import { createClient } from "../../src/client/rest.ts";
import { createLog } from "../../src/lib/log.ts";
import { service, slice } from "../../src/proxy/testing/fixtures.ts";
import { openInMemory } from "../../src/store/open-store.ts";
import { enterNode } from "../packets/lab.ts";

const program = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts");
const quiet = createLog(() => {});
/** TEST-NET-3: endpoints may not be loopback addresses, and these are on the loopback link of a namespace of our own. */
const backends = ["203.0.113.1", "203.0.113.2"];
const port = 8080;
const metricsPort = 10249;

const asNobody: readonly string[] =
  process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"] : [];

interface Running {
  readonly child: ChildProcess;
  output(): string;
  readonly ended: Promise<number | null>;
}

function start(args: readonly string[], as: readonly string[] = []): Running {
  const [command = "", ...rest] = [...as, process.execPath, program, "proxy", ...args];
  const child = spawn(command, rest, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: process.env.PATH, HOME: "/" },
  });
  let output = "";
  child.stderr?.on("data", (data: Buffer) => {
    output += data.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
  return { child, output: () => output, ended };
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let n = 0; n < 600; n++) {
    if (await condition()) return;
    await sleep(50);
  }
  assert.fail(`not within 30 s: ${what}`);
}

function ask(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: 10_000 }, (response) => {
      let text = "";
      response.on("data", (data: Buffer) => {
        text += data.toString();
      });
      response.on("end", () => resolve(text));
    });
    request.on("timeout", () => request.destroy(new Error("timeout")));
    request.on("error", reject);
  });
}

/** A page of the proxy, which has them when its first rules are in place. */
async function page(path: string): Promise<string> {
  let text = "";
  await until(`there is a page ${path}`, async () => {
    text = await ask(`http://127.0.0.1:${metricsPort}${path}`).catch(() => "");
    return text !== "";
  });
  return text;
}

const reason = enterNode();
describe("fairlead proxy as a program", { skip: reason ?? false, concurrency: 1 }, () => {
  let folder: string;
  let api: ApiServer;
  let apiPort = 0;
  let servers: Server[] = [];
  const kubeconfig = () => join(folder, "kubeconfig");
  const store = openInMemory();
  const common = () => ["--kubeconfig", kubeconfig(), "--node-name", "n", "--healthz-bind-address", ""];
  let serve: () => Promise<ApiServer>;

  before(async () => {
    for (const args of [["link", "set", "lo", "up"], ...backends.map((ip) => ["addr", "add", `${ip}/32`, "dev", "lo"])])
      assert.equal(spawnSync("ip", args).status, 0);
    // A node has a route to everywhere.
    assert.equal(spawnSync("ip", ["route", "add", "10.96.0.0/16", "dev", "lo", "src", backends[0] ?? ""]).status, 0);
    folder = mkdtempSync(join(tmpdir(), "fairlead-proxy-"));
    chmodSync(folder, 0o755);
    const pki = await ensurePki(folder, { hosts: ["127.0.0.1"], nodes: [] });
    const config = { serviceCidr: "10.96.0.0/16", nodePortRange: { from: 30000, to: 32767 } };
    serve = async () => {
      const server = await createApiServer({ store, kinds, pki, config, log: quiet });
      apiPort = (await server.listen({ host: "127.0.0.1", port: apiPort })).port;
      return server;
    };
    api = await serve();
    const { certificate, key } = pki.client("control-plane");
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    writeFileSync(
      kubeconfig(),
      stringify({
        apiVersion: "v1",
        kind: "Config",
        "current-context": "c",
        contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
        clusters: [
          {
            name: "c",
            cluster: { server: `https://127.0.0.1:${apiPort}`, "certificate-authority-data": base64(pki.ca) },
          },
        ],
        users: [
          { name: "u", user: { "client-certificate-data": base64(certificate), "client-key-data": base64(key) } },
        ],
      }),
      { mode: 0o644 },
    );
    const client = createClient(
      { server: `https://127.0.0.1:${apiPort}`, ca: pki.ca, cert: certificate, key, namespace: "default" },
      { userAgent: "t", log: quiet },
    );
    servers = backends.map((ip) => createServer((_request, response) => response.end(ip)).listen(port, ip));
    for (const [name, clusterIP, more] of [
      ["web", "10.96.0.80", {}],
      ["sticky", "10.96.0.81", { sessionAffinity: "ClientIP" as const }],
    ] as const) {
      await client.create(services, service({ name, clusterIP, ports: [{ port, protocol: "TCP" }], ...more }));
      const endpoints = backends.map((ip) => ({ ip, node: "n" }));
      await client.create(endpointSlices, slice(endpoints, { of: name, name: `${name}-1`, ports: [{ port }] }));
    }
  });
  after(async () => {
    for (const server of servers) server.close();
    await api.close();
    rmSync(folder, { recursive: true });
  });

  async function withProxy(args: readonly string[], as: readonly string[], body: (running: Running) => Promise<void>) {
    const running = start([...common(), ...args], as);
    try {
      await until(`the proxy has its rules: ${running.output()}`, () => /rules are in place/.test(running.output()));
      await body(running);
    } finally {
      running.child.kill("SIGKILL");
      await running.ended;
    }
  }

  test("P97 P236 an ordinary user gets all Services on loopback addresses: balanced, sticky, without the API server too", () =>
    withProxy(["--proxy-mode", "userspace"], asNobody, async ({ child, output }) => {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      assert.match(status, /^CapEff:\t0+$/m, "it has no rights");
      assert.doesNotMatch(status, /^Uid:\t0\t/m);
      assert.match(output(), /reach=loopback/);
      assert.equal(await page("/proxyMode"), "userspace");
      const { services: all } = JSON.parse(await page("/services")) as {
        services: { service: string; address: string; listenPort: number }[];
      };
      const urlOf = (name: string) => {
        const found = all.find((one) => one.service === `default/${name}`);
        assert.match(found?.address ?? "", /^127\./);
        return `http://${found?.address}:${found?.listenPort}/`;
      };
      const answersOf = async (url: string) => {
        const answers = new Set<string>();
        for (let n = 0; n < 40; n++) answers.add(await ask(url));
        return [...answers].sort();
      };
      assert.deepEqual(await answersOf(urlOf("web")), backends);
      assert.equal((await answersOf(urlOf("sticky"))).length, 1);
      await api.close();
      await sleep(1_000);
      assert.deepEqual(await answersOf(urlOf("web")), backends, "P218 without the API server");
      api = await serve();
    }));

  test("auto takes userspace where the kernel's rules may not be changed, and says why", () =>
    withProxy([], asNobody, async ({ output }) => {
      assert.match(
        output(),
        /proxy mode .*mode=userspace reason="auto: neither nf_tables nor iptables can be used: .*CAP_NET_ADMIN/,
      );
      assert.equal(await page("/proxyMode"), "userspace");
      assert.match(await page("/proxyMode/reason"), /^auto: neither/);
    }));

  for (const mode of ["nftables", "iptables"]) {
    test(`P205 P206 P212 ${mode}: rules stay when it is killed, and no connection fails until the next one has adopted them`, async () => {
      let failed = 0;
      let done = 0;
      let ends = false;
      const work = async () => {
        while (!ends) {
          await ask(`http://10.96.0.80:${port}/`).then(
            () => done++,
            () => failed++,
          );
          if (failed > 20) return;
        }
      };
      let working: Promise<void> | undefined;
      try {
        await withProxy(["--proxy-mode", mode], [], async () => {
          working = work();
          await until("connections are made", () => done > 20);
        });
        const atKill = done;
        await until("they go on without a proxy", () => done > atKill + 50);
        await withProxy(["--proxy-mode", mode], [], async ({ output }) => {
          assert.match(output(), /adopted .*IPv4=[1-9]/);
          assert.match(output(), /rules are in place .*IPv4: \+0 -0/);
          const before = done;
          await until("they go on with the next", () => done > before + 50);
        });
      } finally {
        ends = true;
        await working;
      }
      assert.equal(failed, 0, `${failed} of ${done} failed`);
      const cleanup = start(["--cleanup", "--proxy-mode", mode]);
      assert.equal(await cleanup.ended, 0, cleanup.output());
      assert.equal(spawnSync("nft", ["list", "ruleset"], { encoding: "utf8" }).stdout.match(/fairlead/i), null);
      const again = start(["--cleanup", "--proxy-mode", mode]);
      assert.equal(await again.ended, 0, "P215 a second time");
    });
  }

  test("P193 a changed configuration ends it with an error, a broken one does not", async () => {
    const file = join(folder, "config.yaml");
    const document = (text: string) =>
      `apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n${text}`;
    writeFileSync(file, document("mode: userspace\nhealthzBindAddres: x\n"), { mode: 0o644 });
    await withProxy(["--config", file], asNobody, async ({ output, ended }) => {
      assert.match(output(), /unknown field "healthzBindAddres" is ignored/);
      writeFileSync(file, "mode: [");
      await until("the broken one is told", () => /cannot be used: the old one stays/.test(output()));
      assert.equal(await page("/proxyMode"), "userspace");
      writeFileSync(file, document("mode: userspace\noomScoreAdj: 1\n"));
      assert.equal(await ended, 1);
      assert.match(output(), /the configuration has changed: the proxy ends/);
    });
  });

  test("P162 P194 --init-only sets the kernel's settings and ends; later runs find them", async () => {
    const setting = "/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait";
    const args = ["--init-only", "--proxy-mode", "nftables", "--conntrack-tcp-timeout-close-wait", "17m"];
    const running = start(args);
    assert.equal(await running.ended, 0, running.output());
    assert.equal(readFileSync(setting, "utf8").trim(), "1020");
    assert.equal(readFileSync("/proc/sys/net/ipv4/conf/all/route_localnet", "utf8").trim(), "1");
  });

  const nowhere = ["--proxy-mode", "userspace", "--metrics-bind-address", ""];
  const mistakes: readonly (readonly [
    what: string,
    args: () => readonly string[],
    code: number,
    says: RegExp,
    as?: readonly string[],
  ])[] = [
    [
      "a kubeconfig that is not there",
      () => ["--kubeconfig", "/nowhere"],
      1,
      /^fairlead: Cannot read kubeconfig "\/nowhere": there is no such file$/,
    ],
    [
      "an unknown mode",
      () => ["--kubeconfig", kubeconfig(), "--proxy-mode", "magic"],
      1,
      /^fairlead: Proxy mode "magic" is not supported: choose one of auto, nftables, .*userspace\.$/,
    ],
    [
      "a flag's value",
      () => ["--masquerade-bit", "x"],
      2,
      /^fairlead: Cannot use --masquerade-bit "x": it must be a whole number\. Run/,
    ],
    [
      "a value out of its range",
      () => ["--kubeconfig", kubeconfig(), "--masquerade-bit", "32"],
      1,
      /^fairlead: Cannot use masqueradeBit "32": it must be 0 to 31\.$/,
    ],
    ["an unknown flag", () => ["--masquerade-al", "true"], 2, /^fairlead: Unknown option '--masquerade-al'/],
    [
      "missing rights",
      () => ["--kubeconfig", kubeconfig(), "--proxy-mode", "nftables"],
      1,
      /^fairlead: Cannot use proxy mode "nftables": this process may not change the kernel's rules; run it as root of the node, or with CAP_NET_ADMIN\.$/,
      asNobody,
    ],
    [
      "missing rights for iptables",
      () => ["--kubeconfig", kubeconfig(), "--proxy-mode", "iptables"],
      1,
      /^fairlead: Cannot use proxy mode "iptables": this process may not change/,
      asNobody,
    ],
    [
      "a kernel without bpf for this user",
      () => ["--kubeconfig", kubeconfig(), "--proxy-mode", "ebpf"],
      1,
      /^fairlead: Cannot use proxy mode "ebpf": .*root/,
      asNobody,
    ],
    [
      "a configuration that is not there",
      () => ["--config", "/nowhere"],
      1,
      /^fairlead: Cannot read the configuration "\/nowhere": there is no such file\.$/,
    ],
    [
      "a port that is taken",
      () => [
        "--kubeconfig",
        kubeconfig(),
        ...nowhere,
        "--healthz-bind-address",
        `127.0.0.1:${apiPort}`,
        "--bind-address-hard-fail",
        "true",
      ],
      1,
      /fairlead: listen EADDRINUSE: address already in use 127\.0\.0\.1:\d+$/,
    ],
  ];
  for (const [what, args, code, says, as = []] of mistakes) {
    test(`one sentence for ${what}`, async () => {
      const running = start(args(), as);
      const timer = setTimeout(() => running.child.kill("SIGKILL"), 60_000);
      assert.equal(await running.ended, code, running.output());
      clearTimeout(timer);
      const last = running.output().trim().split("\n").at(-1) ?? "";
      assert.match(last, says);
    });
  }
});
