/** What holds for every Ipvs: run against the kernel (in the virtual machine) and against the fake. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Ipvs, type RealServer, type ServiceKey, schedulerFlags, serverText } from "./port.ts";

const plain = { scheduler: "rr", flags: 0, persistenceSec: 0 };
const keys = {
  IPv4: { kind: "address", family: "IPv4", protocol: "TCP", address: "10.96.0.10", port: 80 },
  IPv6: { kind: "address", family: "IPv6", protocol: "UDP", address: "fd00:10:96::10", port: 53 },
  mark: { kind: "mark", family: "IPv4", mark: 0xf1000001 },
} as const satisfies Record<string, ServiceKey>;
const hosts = { IPv4: ["10.244.0.11", "10.244.0.12"], IPv6: ["fd00:10:244::11", "fd00:10:244::12"] } as const;

/** `open` gives an IPVS without services. */
export function ipvsSuite(name: string, open: () => Ipvs): void {
  describe(name, () => {
    for (const [title, key] of Object.entries(keys)) {
      it(`keeps a service and its servers (${title})`, () => using(open, (ipvs) => keepsServers(ipvs, key)));
    }
    it("refuses what is there, and what is not", () => using(open, refuses));
    it("performs what stands behind a refused command", () =>
      using(open, (ipvs) => {
        const refused = ipvs.run([
          { op: "delete-service", key: keys.IPv6 },
          { op: "add-service", key: keys.IPv4, settings: plain },
        ]);
        assert.deepEqual(refused, [{ command: { op: "delete-service", key: keys.IPv6 }, code: "ESRCH" }]);
        assert.equal(ipvs.services().length, 1);
      }));
    it("changes scheduler and persistence of a service that has servers", () => using(open, changesSettings));
    for (const scheduler of ["rr", "lc", "dh", "sh", "sed", "nq", "wrr", "wlc"]) {
      it(`knows the scheduler ${scheduler}`, () =>
        using(open, (ipvs) => {
          const settings = { scheduler, flags: schedulerFlags(scheduler), persistenceSec: 0 };
          assert.deepEqual(ipvs.run([{ op: "add-service", key: keys.IPv4, settings }]), []);
          assert.deepEqual(ipvs.services(), [{ key: keys.IPv4, ...settings }]);
        }));
    }
    it("takes 2,000 commands at once", () =>
      using(open, (ipvs) => {
        const services = Array.from(
          { length: 1000 },
          (_, n): ServiceKey => ({ ...keys.IPv4, address: `10.96.${n >> 8}.${n & 255}` }),
        );
        const server = { address: "10.244.0.11", port: 8080, weight: 1 };
        const commands = services.flatMap((key) => [
          { op: "add-service", key, settings: plain } as const,
          { op: "add-server", key, server } as const,
        ]);
        assert.equal(ipvs.run(commands).length, 0);
        assert.equal(ipvs.services().length, 1000);
        for (const key of services.slice(0, 10)) assert.equal(ipvs.servers(key)?.length, 1);
      }));
  });
}

function using(open: () => Ipvs, body: (ipvs: Ipvs) => void): void {
  const ipvs = open();
  try {
    body(ipvs);
  } finally {
    ipvs.run(ipvs.services().map(({ key }) => ({ op: "delete-service", key })));
    ipvs.close();
  }
}

function serversOf(family: "IPv4" | "IPv6"): RealServer[] {
  return hosts[family].map((address, n) => ({ address, port: 8080 + n, weight: 1 }));
}

function keepsServers(ipvs: Ipvs, key: ServiceKey): void {
  const [first, second] = serversOf(key.family);
  assert.ok(first && second);
  assert.equal(ipvs.servers(key), undefined);
  assert.deepEqual(
    ipvs.run([
      { op: "add-service", key, settings: plain },
      { op: "add-server", key, server: first },
      { op: "add-server", key, server: second },
    ]),
    [],
  );
  assert.deepEqual(ipvs.services(), [{ key, ...plain }]);
  const list = () =>
    ipvs
      .servers(key)
      ?.map(({ weight, ...server }) => `${serverText(server)} ${weight}`)
      .sort();
  assert.deepEqual(list(), [`${serverText(first)} 1`, `${serverText(second)} 1`]);
  assert.deepEqual(
    ipvs.servers(key)?.map(({ connections }) => connections),
    [0, 0],
  );
  assert.deepEqual(ipvs.run([{ op: "set-server", key, server: { ...first, weight: 0 } }]), []);
  assert.deepEqual(ipvs.run([{ op: "delete-server", key, server: second }]), []);
  assert.deepEqual(list(), [`${serverText(first)} 0`]);
  assert.deepEqual(ipvs.run([{ op: "delete-service", key }]), []);
  assert.equal(ipvs.servers(key), undefined);
}

function refuses(ipvs: Ipvs): void {
  const key = keys.IPv4;
  const [server] = serversOf("IPv4");
  assert.ok(server);
  const code = (...commands: Parameters<Ipvs["run"]>[0]) => ipvs.run(commands).map((refusal) => refusal.code);
  assert.deepEqual(code({ op: "add-server", key, server }), ["ESRCH"]);
  assert.deepEqual(code({ op: "delete-service", key }), ["ESRCH"]);
  assert.deepEqual(code({ op: "add-service", key, settings: { ...plain, scheduler: "missing" } }), ["ENOENT"]);
  assert.deepEqual(code({ op: "add-service", key, settings: plain }), []);
  assert.deepEqual(code({ op: "add-service", key, settings: plain }), ["EEXIST"]);
  assert.deepEqual(code({ op: "delete-server", key, server }), ["ENOENT"]);
  assert.deepEqual(code({ op: "set-server", key, server }), ["ENOENT"]);
  assert.deepEqual(code({ op: "add-server", key, server }), []);
  assert.deepEqual(code({ op: "add-server", key, server }), ["EEXIST"]);
}

function changesSettings(ipvs: Ipvs): void {
  const key = keys.IPv4;
  const [server] = serversOf("IPv4");
  assert.ok(server);
  const settings = { scheduler: "sh", flags: schedulerFlags("sh"), persistenceSec: 10_800 };
  const commands = [
    { op: "add-service", key, settings: plain },
    { op: "add-server", key, server },
    { op: "set-service", key, settings },
  ] as const;
  assert.deepEqual(ipvs.run(commands), []);
  assert.deepEqual(ipvs.services(), [{ key, ...settings }]);
  assert.equal(ipvs.servers(key)?.length, 1);
  assert.deepEqual(ipvs.run([{ op: "set-service", key, settings: plain }]), []);
  assert.deepEqual(ipvs.services(), [{ key, ...plain }]);
}
