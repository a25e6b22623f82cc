/** Host ports through the whole agent: TCP and UDP, one address or all, from the node, from Pods and from outside. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { get } from "node:http";
import test, { after, before } from "node:test";
import type { ContainerPort } from "kubernetes-types/core/v1";
import { openNftables } from "../../kernel/nftables/linux.ts";
import { ensureAddress, getLink, openRouteSocket } from "../../kernel/route/mod.ts";
import { AgentFixture, isReady, shell, until } from "../testing/agent-fixture.ts";
import { inNamespaces } from "../testing/in-namespaces.ts";

if (inNamespaces(import.meta.url)) {
  const fixture = new AgentFixture();
  const nodeAddress = "172.31.255.1";
  const otherAddress = "172.31.255.2";
  before(async () => {
    await fixture.open();
    const socket = openRouteSocket();
    for (const address of [nodeAddress, otherAddress])
      ensureAddress(socket, getLink(socket, "lo").index, `${address}/32`);
    socket.close();
    await fixture.begin();
  });
  after(async () => {
    await fixture.end();
    await fixture.close();
  });

  const serve = (name: string, ports: ContainerPort[]) =>
    fixture.create(name, { containers: [{ name: "main", image: "fairlead/echo", ports }] });
  const ask = (address: string, port: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const request = get(
        { host: address, port, agent: false, signal: AbortSignal.timeout(10_000) },
        async (response) => {
          let body = "";
          for await (const chunk of response) body += chunk;
          resolve(body.trim());
        },
      );
      request.on("error", reject);
    });
  const refused = (address: string, port: number) => assert.rejects(ask(address, port), /ECONNREFUSED/);
  const askUdp = (address: string, port: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = createSocket("udp4");
      const timer = setTimeout(() => reject(new Error("no answer")), 5_000);
      socket.on("message", (message) => {
        clearTimeout(timer);
        socket.close();
        resolve(message.toString().trim());
      });
      socket.send("name", port, address);
    });

  test("the same port for different addresses and protocols; clients of the node, of loopback and of Pods, the Pod itself too", async () => {
    await serve("one", [{ containerPort: 8080, hostPort: 54321, hostIP: nodeAddress }]);
    await serve("two", [{ containerPort: 8080, hostPort: 54321, hostIP: otherAddress }]);
    await serve("three", [{ containerPort: 8080, hostPort: 54321, hostIP: otherAddress, protocol: "UDP" }]);
    await serve("all", [{ containerPort: 8080, hostPort: 54322 }]);
    for (const name of ["one", "two", "three", "all"]) await fixture.podWhen(name, isReady);
    const served = async (name: string) => (await fixture.logOf(name)).body.includes(`${name} answers`);
    for (const name of ["one", "two", "three", "all"]) await until(() => served(name), `${name} serves`);
    assert.equal(await ask(nodeAddress, 54321), "one");
    assert.equal(await ask(otherAddress, 54321), "two");
    assert.match(await askUdp(otherAddress, 54321), /three/);
    assert.equal(await ask("127.0.0.1", 54322), "all");
    assert.equal(await ask(nodeAddress, 54322), "all");
    await refused("127.0.0.1", 54321);

    // One Pod of this node asks for the others.
    const script = `for a in ${nodeAddress}:54321 ${otherAddress}:54321 ${nodeAddress}:54322; do curl -sm 5 http://$a/; done; sleep 60`;
    await fixture.create("client", { containers: [shell(script)] });
    await until(async () => (await fixture.logOf("client")).body === "one\ntwo\nall\n", "answers in a Pod");
    await fixture.remove("client");
  });

  test("a Pod that names this node and a port that is taken is refused; the next agent knows the ports; they go with their Pods", async () => {
    await serve("late", [{ containerPort: 8080, hostPort: 54322 }]);
    const late = await fixture.podWhen("late", ({ status }) => status?.phase === "Failed");
    assert.equal(late.status?.reason, "NodePorts");
    assert.match(late.status?.message ?? "", /free ports/);
    await fixture.remove("late");

    await fixture.end();
    await fixture.begin();
    await until(
      async () => (await ask(nodeAddress, 54322).catch(() => "")) === "all",
      "the port after a change of agents",
    );
    for (const name of ["one", "two", "three", "all"]) await fixture.remove(name);
    await refused(nodeAddress, 54322);
    const nftables = openNftables();
    assert.equal(nftables.chains({ family: "ip", name: "fairlead-host-ports" }), undefined);
    nftables.close();
    assert.deepEqual(fixture.problems, []);
  });
}
