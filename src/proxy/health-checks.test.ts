import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { describe, it } from "node:test";
import type { Service } from "../api/object.ts";
import { parseCidr } from "../net/cidr.ts";
import { HealthCheckServers, healthCheckOf } from "./health-checks.ts";
import { packSlice } from "./packed-slice.ts";
import { service, slice } from "./testing/fixtures.ts";

const balanced = (port: number): Service =>
  service({ type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: port });
const dying = { ready: false, serving: true, terminating: true };

describe("healthCheckOf", () => {
  it("P50 only for type LoadBalancer with policy Local and a port", () => {
    assert.equal(healthCheckOf(service(), [], "node-a"), undefined);
    assert.equal(healthCheckOf(service({ type: "LoadBalancer", healthCheckNodePort: 31000 }), [], "node-a"), undefined);
    assert.equal(healthCheckOf(balanced(0), [], "node-a"), undefined);
    assert.equal(healthCheckOf(balanced(31000), [], "node-a")?.port, 31000);
  });
  it("P143 P146 counts distinct addresses of ready endpoints of this node", () => {
    const slices = [
      slice(["10.244.0.1", "10.244.0.2", { ip: "10.244.0.3", ...dying }, { ip: "10.244.1.1", node: "node-b" }]),
      slice(["10.244.0.1"], { name: "web-2", ports: [{ name: "other", port: 81 }] }),
    ];
    assert.equal(healthCheckOf(balanced(31000), slices.map(packSlice), "node-a")?.localEndpoints.IPv4, 2);
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("HealthCheckServers", () => {
  it("P142 to P145 P148 answers for the node's endpoints, moves with the port and closes", async () => {
    let isHealthy = true;
    const servers = new HealthCheckServers({
      isHealthy: () => isHealthy,
      onFailure: (_service, error) => assert.fail(error),
    });
    const [first, second] = [await freePort(), await freePort()];
    const check = { namespace: "default", name: "web", port: first, localEndpoints: { IPv4: 2 } };
    const ask = (port: number, path = "/") => fetch(`http://127.0.0.1:${port}${path}`);
    try {
      servers.set("default/web", check);
      const answer = await ask(first, "/any/path");
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get("x-load-balancing-endpoint-weight"), "2");
      assert.deepEqual(await answer.json(), {
        service: { namespace: "default", name: "web" },
        localEndpoints: 2,
        serviceProxyHealthy: true,
      });
      isHealthy = false;
      assert.equal((await ask(first)).status, 503);
      isHealthy = true;
      servers.set("default/web", { ...check, localEndpoints: { IPv4: 0 } });
      assert.equal((await ask(first)).status, 503);
      servers.set("default/web", { ...check, port: second });
      assert.equal((await ask(second)).status, 200);
      await assert.rejects(ask(first));
    } finally {
      servers.close();
    }
    await assert.rejects(ask(second));
  });
  it("P149 tells of a port that is taken, and goes on", async () => {
    const taken = createServer().listen(0);
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as AddressInfo;
    const failed = Promise.withResolvers<string>();
    const servers = new HealthCheckServers({ isHealthy: () => true, onFailure: (name) => failed.resolve(name) });
    servers.set("default/web", { namespace: "default", name: "web", port, localEndpoints: { IPv4: 1 } });
    assert.equal(await failed.promise, "default/web");
    servers.close();
    taken.close();
  });
  it("P149 listens when the port is free again", async () => {
    const taken = createServer().listen(0, "0.0.0.0");
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as AddressInfo;
    let now = 0;
    const failed = Promise.withResolvers<void>();
    const servers = new HealthCheckServers({
      isHealthy: () => true,
      onFailure: () => failed.resolve(),
      now: () => now,
    });
    servers.set("default/web", { namespace: "default", name: "web", port, localEndpoints: { IPv4: 1 } });
    await failed.promise;
    await new Promise((resolve) => taken.close(resolve));
    const answers = () =>
      fetch(`http://127.0.0.1:${port}/`).then(
        ({ status }) => status,
        () => undefined,
      );
    servers.refresh();
    assert.equal(await answers(), undefined, "not before its time");
    now = 5_000;
    servers.refresh();
    for (let n = 0; n < 100 && (await answers()) === undefined; n++) await new Promise((done) => setTimeout(done, 10));
    assert.equal(await answers(), 200);
    servers.close();
  });
  it("P150 each family has a listener of its own, which speaks of its own endpoints", async (t) => {
    const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ family }) => family === "IPv6"));
    if (!hasIpv6) return t.skip("this machine has no IPv6 address");
    const port = await freePort();
    const servers = new HealthCheckServers({
      isHealthy: () => true,
      onFailure: (_service, error) => assert.fail(error),
    });
    servers.set("default/web", { namespace: "default", name: "web", port, localEndpoints: { IPv4: 1, IPv6: 0 } });
    try {
      assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
      assert.equal((await fetch(`http://[::1]:${port}/`)).status, 503);
    } finally {
      servers.close();
    }
  });
  it("P141 listens on the addresses that take node ports only", async () => {
    const port = await freePort();
    const servers = new HealthCheckServers({
      isHealthy: () => true,
      onFailure: (_service, error) => assert.fail(error),
    });
    const block = parseCidr("127.0.0.0/8");
    assert.ok(block);
    servers.set("default/web", { namespace: "default", name: "web", port, localEndpoints: { IPv4: 1 } });
    servers.setAddresses([block]);
    try {
      assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
      // An address of the machine's too, though no interface shows it: a listener on all addresses would answer.
      await assert.rejects(fetch(`http://127.0.0.2:${port}/`));
    } finally {
      servers.close();
    }
  });
});
