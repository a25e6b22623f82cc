/** Which processes the containers of a Pod see, and how containers come and go in it: real ones. */
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import type { Container, EphemeralContainer, PodSpec } from "kubernetes-types/core/v1";
import type { Pod } from "../../api/object.ts";
import { pods } from "../../api/resource.ts";
import { AgentFixture, isReady, shell, until } from "../testing/agent-fixture.ts";
import { everyRuntime, inNamespaces } from "../testing/in-namespaces.ts";
import { hasBusybox, loadSmallImage } from "../testing/small-image.ts";

if (!hasBusybox()) test("processes of Pods", { skip: "busybox-static is not installed" }, () => undefined);
else if (inNamespaces(import.meta.url, everyRuntime)) {
  const fixture = new AgentFixture();
  const { client } = fixture;
  const namespace = "default";
  before(async () => {
    await fixture.open();
    for (const name of ["small:1", "small:2"]) await loadSmallImage(fixture.config.dataDir, name);
    await fixture.begin();
  });
  after(async () => {
    await fixture.end();
    await fixture.close();
  });
  const named = (name: string, script: string, rest: Partial<Container> = {}): Container => ({
    ...{ name, image: "small:1", command: ["sh", "-c", script] },
    ...rest,
  });
  const has = (name: string, line: string, query = "") =>
    until(async () => (await fixture.logOf(name, query)).body.split("\n").includes(line), `"${line}" of ${name}`);
  const addEphemeral = async (name: string, container: EphemeralContainer) => {
    const { spec } = await client.get(pods, name, namespace);
    const ephemeralContainers = [...(spec.ephemeralContainers ?? []), container];
    await client.patch(pods, { name, namespace }, { spec: { ephemeralContainers } as PodSpec }, { type: "merge" });
  };
  const ephemeralState = ({ status }: Pod, name: string) =>
    status?.ephemeralContainerStatuses?.find((one) => one.name === name)?.state;

  test("shareProcessNamespace: containers see and signal each other, and what one leaves behind is gone", async () => {
    const other = named("other", "exec sleep 1000.5");
    const script =
      "until ps | grep -q '[s]leep 1000.5'; do sleep 0.05; done; echo $(ps -o pid,args | grep -c '[/]pause') see; sleep 3000 & sleep 0.1; exit 0";
    await fixture.create("shares", {
      shareProcessNamespace: true,
      restartPolicy: "Never",
      containers: [named("main", script), other],
    });
    await fixture.podWhen("shares", ({ status }) => status?.containerStatuses?.[0]?.state?.terminated?.exitCode === 0);
    await has("shares", "1 see");
    await addEphemeral("shares", { ...named("look", "ps -o args | grep -c '[s]leep 3000'; exit 0") });
    const pod = await fixture.podWhen("shares", (one) => ephemeralState(one, "look")?.terminated !== undefined);
    assert.equal(ephemeralState(pod, "look")?.terminated?.exitCode, 0);
    const log = await fixture.logOf("shares");
    assert.equal(log.status, 200);
    await fixture.remove("shares");
  });

  test("the containers of a Pod share an IPC namespace and /dev/shm, and no other Pod does", async () => {
    const tell = "readlink /proc/self/ns/ipc";
    const first = named("first", `${tell} >/dev/shm/first; sleep 100`);
    const script = `until [ -s /dev/shm/first ]; do sleep 0.05; done; cat /dev/shm/first; ${tell}; sleep 100`;
    const lines = async (name: string, count: number) => {
      const read = async () => (await fixture.logOf(name)).body.trimEnd().split("\n");
      return until(
        async () => (await read()).length === count && (await read())[0] !== "" && read(),
        `lines of ${name}`,
      );
    };
    await fixture.create("ipc", { containers: [named("main", script), first] });
    const [one, same] = await lines("ipc", 2);
    await fixture.create("apart", { containers: [named("main", `ls /dev/shm | wc -l; ${tell}; sleep 100`)] });
    const [files, other] = await lines("apart", 2);
    assert.equal(one, same);
    assert.equal(files, "0");
    assert.notEqual(other, one);
    for (const name of ["ipc", "apart"]) await fixture.remove(name);
  });

  test("an ephemeral container joins a running Pod, sees its target's processes, is not restarted and does not make it unready", async () => {
    await fixture.create("debugged", { containers: [named("main", "exec sleep 2000.5")] });
    await fixture.podWhen("debugged", isReady);
    const script = "ps -o pid,args | grep '[s]leep 2000.5'; exit 5";
    await addEphemeral("debugged", { ...named("debugger", script), targetContainerName: "main" });
    const pod = await fixture.podWhen("debugged", (one) => ephemeralState(one, "debugger")?.terminated !== undefined);
    assert.equal(ephemeralState(pod, "debugger")?.terminated?.exitCode, 5);
    assert.ok(isReady(pod));
    assert.equal(pod.status?.containerStatuses?.length, 1);
    await addEphemeral("debugged", { ...named("second", "sleep 1000"), targetContainerName: "main" });
    const again = await fixture.podWhen("debugged", (one) => ephemeralState(one, "second")?.running !== undefined);
    assert.equal(ephemeralState(again, "debugger")?.terminated?.exitCode, 5);
    const events = await fixture.eventsOf("debugged");
    assert.ok(events.some(({ message }) => message === "Started container debugger"));
    await fixture.remove("debugged");
  });

  test("another image of a running container starts it anew, without back-off", async () => {
    await fixture.create("changes", {
      containers: [named("main", "trap 'exit 0' TERM; while :; do sleep 0.05; done")],
    });
    await fixture.podWhen("changes", isReady);
    const { spec } = await client.get(pods, "changes", namespace);
    const containers = spec.containers.map((container) => ({ ...container, image: "small:2" }));
    await client.patch(pods, { name: "changes", namespace }, { spec: { containers } }, { type: "merge" });
    const pod = await fixture.podWhen(
      "changes",
      (one) => isReady(one) && one.status?.containerStatuses?.[0]?.restartCount === 1,
    );
    assert.equal(pod.status?.containerStatuses?.[0]?.image, "small:2");
    const messages = (await fixture.eventsOf("changes")).map(({ message }) => message);
    assert.ok(messages.includes("Container main definition changed, will be restarted"));
    await fixture.remove("changes");
  });

  test("sidecars start in order before the others and end after them in the reverse order", async () => {
    const volumeMounts = [{ name: "notes", mountPath: "/notes" }];
    const script = (name: string) =>
      `echo start ${name} >>/notes/all; trap 'echo end ${name} >>/notes/all; exit 0' TERM; echo up; while :; do sleep 0.02; done`;
    const sidecar = (name: string) => ({ ...named(name, script(name), { volumeMounts, restartPolicy: "Always" }) });
    const directory = `${fixture.config.runDir}/notes`;
    await fixture.create("ordered", {
      volumes: [{ name: "notes", hostPath: { path: directory } }],
      initContainers: [sidecar("one"), named("init", "echo init >>/notes/all", { volumeMounts }), sidecar("two")],
      containers: [named("main", script("main"), { volumeMounts })],
    });
    await fixture.podWhen("ordered", isReady);
    await has("ordered", "up");
    await fixture.remove("ordered", 10);
    const { readFileSync } = await import("node:fs");
    const lines = readFileSync(`${directory}/all`, "utf8").trimEnd().split("\n");
    const wanted = ["start one", "init", "start two", "start main", "end main", "end two", "end one"];
    assert.deepEqual(lines, wanted);
  });

  test("hostPID shows the node's processes", async () => {
    await fixture.create("host-pid", {
      hostPID: true,
      containers: [{ ...shell("ls /proc | grep -c '^[0-9]'; readlink /proc/1/exe; exec sleep 300") }],
    });
    await fixture.podWhen("host-pid", isReady);
    await until(
      async () => Number((await fixture.logOf("host-pid")).body.split("\n")[0]) > 3,
      "more processes than its own",
    );
    await fixture.remove("host-pid");
    assert.deepEqual(fixture.problems, []);
  });
}
