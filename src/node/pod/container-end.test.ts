/** How containers end, what they may use, and settings of their Pods: real ones. */
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import type { Container } from "kubernetes-types/core/v1";
import { runtimeClasses } from "../../api/resource.ts";
import { Cgroups } from "../cgroups/cgroups.ts";
import { AgentFixture, isReady, shell, until } from "../testing/agent-fixture.ts";
import { everyRuntime, inNamespaces } from "../testing/in-namespaces.ts";
import { hasBusybox, loadSmallImage } from "../testing/small-image.ts";

if (!hasBusybox()) test("ends of containers", { skip: "busybox-static is not installed" }, () => undefined);
else if (inNamespaces(import.meta.url, everyRuntime)) {
  const fixture = new AgentFixture();
  const cgroups = Cgroups.open(fixture.config);
  before(async () => {
    await fixture.open();
    await loadSmallImage(fixture.config.dataDir, "small:1");
    await fixture.begin();
  });
  after(async () => {
    await fixture.end();
    await fixture.close();
  });
  const main = (script: string, rest: Partial<Container> = {}): Container => ({
    ...{ name: "main", image: "small:1", command: ["sh", "-c", script] },
    ...rest,
  });
  const endOf = async (name: string, container: Container) => {
    await fixture.create(name, { restartPolicy: "Never", containers: [container] });
    const pod = await fixture.podWhen(
      name,
      ({ status }) => status?.phase === "Failed" || status?.phase === "Succeeded",
    );
    await fixture.remove(name);
    return pod.status?.containerStatuses?.[0]?.state?.terminated;
  };
  const eventOf = (name: string, reason: string) =>
    until(async () => (await fixture.eventsOf(name)).find((event) => event.reason === reason), `${reason} of ${name}`);

  test("termination messages: of the file, and of the log when asked for", async () => {
    assert.equal((await endOf("file", main("echo bye >/dev/termination-log")))?.message, "bye\n");
    const own = { terminationMessagePath: "/run/words" };
    assert.equal((await endOf("own", main("echo -n own >/run/words; exit 3", own)))?.message, "own");
    const fallback = { terminationMessagePolicy: "FallbackToLogsOnError" };
    assert.equal((await endOf("log", main("echo to the log; exit 1", fallback)))?.message, "to the log\n");
    assert.equal((await endOf("good", main("echo to the log", fallback)))?.message, undefined);
  });

  test("settings of the Pod's own namespaces, low ports for every user; unsafe ones are refused", async () => {
    const sysctls = [{ name: "net.ipv4.tcp_fin_timeout", value: "17" }];
    const script = "cat /proc/sys/net/ipv4/tcp_fin_timeout /proc/sys/net/ipv4/ip_unprivileged_port_start; sleep 60";
    await fixture.create("set", { securityContext: { sysctls }, containers: [main(script)] });
    await until(async () => (await fixture.logOf("set")).body === "17\n0\n", "settings");
    await fixture.remove("set");
    const unsafe = { sysctls: [{ name: "kernel.msgmax", value: "1" }] };
    await fixture.create("unsafe", { securityContext: unsafe, containers: [main("true")] });
    const pod = await fixture.podWhen("unsafe", ({ status }) => status?.phase === "Failed");
    assert.equal(pod.status?.reason, "SysctlForbidden");
    await fixture.remove("unsafe");
  });

  test("a RuntimeClass whose handler is not there keeps a Pod from its start; ours does not", async () => {
    const handler = (name: string) => ({
      ...{ apiVersion: "node.k8s.io/v1", kind: "RuntimeClass" as const, metadata: { name }, handler: name },
    });
    for (const name of ["gvisor", "fairlead"]) await fixture.client.create(runtimeClasses, handler(name));
    await fixture.create("walled", { runtimeClassName: "gvisor", containers: [main("sleep 60")] });
    assert.match(
      (await eventOf("walled", "FailedCreatePodSandBox")).message ?? "",
      /no runtime for "gvisor" is configured/,
    );
    await fixture.create("plain", { runtimeClassName: "fairlead", containers: [main("sleep 60")] });
    await fixture.podWhen("plain", isReady);
    // The agent tries again, and logs each time.
    assert.match(fixture.problems.splice(0).join(), /gvisor/);
    for (const name of ["walled", "plain"]) await fixture.remove(name);
  });

  test("what has no effect is said in an Event", async () => {
    await fixture.create("labels", {
      securityContext: { seLinuxOptions: { level: "s0" } },
      containers: [shell("sleep 60")],
    });
    assert.match((await eventOf("labels", "NotSupported")).message ?? "", /seLinuxOptions have no effect/);
    await fixture.remove("labels");
  });

  test("limits: too much memory ends the container with OOMKilled, commands in it count, nothing of its cgroup is left", async () => {
    const resources = { limits: { memory: "24Mi", cpu: "500m" } };
    if (!(cgroups instanceof Cgroups)) {
      await fixture.create("unlimited", { containers: [main("sleep 60", { resources })] });
      assert.match(
        (await eventOf("unlimited", "NotSupported")).message ?? "",
        /limits \(memory, cpu\) are not enforced/,
      );
      await fixture.remove("unlimited");
      return;
    }
    const end = await endOf("greedy", main("exec tail /dev/zero", { resources }));
    assert.equal(end?.reason, "OOMKilled");
    assert.equal(end?.exitCode, 137);
    const small = "exec sleep 60";
    const readinessProbe = { exec: { command: ["sh", "-c", "[ $(grep -c fairlead- /proc/self/cgroup) -gt 0 ]"] } };
    await fixture.create("modest", { containers: [main(small, { resources, readinessProbe })] });
    await fixture.podWhen("modest", isReady);
    await fixture.remove("modest");
    assert.deepEqual(cgroups.list(), []);
    assert.deepEqual(
      fixture.problems.filter((line) => !line.includes("gvisor")),
      [],
    );
  });
}
