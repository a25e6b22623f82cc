/** Volumes seen from inside real containers, and how they follow the API. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";
import type { Pod } from "../../api/object.ts";
import { configMaps, pods, secrets } from "../../api/resource.ts";
import { detachMount, mountTmpfs } from "../../kernel/mount.ts";
import { criHandler } from "../runtime/cri/names.ts";
import { AgentFixture, isReady, shell, until, waitingReason } from "../testing/agent-fixture.ts";
import { everyRuntime, inNamespaces, testRuntime } from "../testing/in-namespaces.ts";

if (inNamespaces(import.meta.url, everyRuntime)) {
  const fixture = new AgentFixture();
  const { client, config } = fixture;
  const namespace = "default";
  before(async () => {
    await fixture.open();
    await fixture.provideShell();
    await fixture.begin();
  });
  after(async () => {
    await fixture.end();
    await fixture.close();
  });
  const named = (name: string) => ({ name, namespace });
  const has = (name: string, line: string) =>
    until(async () => (await fixture.logOf(name)).body.split("\n").includes(line), `"${line}" of ${name}`);

  test("files of ConfigMaps, Secrets and the Pod's own fields change all at once while it runs; a subPath does not", async () => {
    const map = await client.create(configMaps, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: named("settings"),
      data: { a: "1", b: "1" },
    });
    const encode = (text: string) => Buffer.from(text).toString("base64");
    const secret = await client.create(secrets, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: named("keys"),
      data: { key: encode("old") },
    });
    const script =
      "while :; do echo $(cat /settings/a)$(cat /settings/b 2>/dev/null) $(cat /all/key) $(cat /all/late 2>/dev/null) $(cat /all/labels) $(cat /one); sleep 0.1; done";
    await fixture.create("follows", {
      volumes: [
        { name: "settings", configMap: { name: "settings" } },
        {
          name: "all",
          projected: {
            sources: [
              { secret: { name: "keys" } },
              { configMap: { name: "later", optional: true } },
              { downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } },
            ],
          },
        },
      ],
      containers: [
        {
          ...shell(script),
          volumeMounts: [
            { name: "settings", mountPath: "/settings" },
            { name: "settings", mountPath: "/one", subPath: "a" },
            { name: "all", mountPath: "/all" },
          ],
        },
      ],
    });
    await has("follows", '11 old app="follows" 1');
    await client.update(configMaps, { ...map, data: { a: "2" } });
    await has("follows", '2 old app="follows" 1');
    await client.update(secrets, { ...secret, data: { key: encode("new") } });
    await has("follows", '2 new app="follows" 1');
    await client.create(configMaps, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: named("later"),
      data: { late: "came" },
    });
    await has("follows", '2 new came app="follows" 1');
    const pod = await client.get(pods, "follows", namespace);
    await client.patch(pods, named("follows"), { metadata: { labels: { app: "other" } } }, { type: "merge" });
    await has("follows", '2 new came app="other" 1');
    await client.delete(configMaps, named("settings"));
    const { body } = await fixture.logOf("follows");
    assert.ok(!body.includes("12 ") && !body.includes("21 "), "never a mixture of two states");
    assert.ok(pod.metadata.uid);
    await fixture.remove("follows");
  });

  const noSize = testRuntime === criHandler && "containerd does not see what the agent mounts";
  test("emptyDir in memory has the size that it is given, and goes with the Pod", { skip: noSize }, async () => {
    const script =
      "df -k /small | tail -1 | tr -s ' ' | cut -d' ' -f2; dd if=/dev/zero of=/small/x bs=1M count=3 2>&1 | grep -o 'No space.*'; sleep 60";
    await fixture.create("memory", {
      volumes: [{ name: "small", emptyDir: { medium: "Memory", sizeLimit: "2Mi" } }],
      containers: [{ ...shell(script), volumeMounts: [{ name: "small", mountPath: "/small" }] }],
    });
    await has("memory", "2048");
    await has("memory", "No space left on device");
    await fixture.remove("memory");
    assert.deepEqual(readdirSync(join(config.runDir, "nodes/node-1/pods")), []);
  });

  test("hostPath types are checked and made; subPaths are folders of the volume and never leave it", async () => {
    const root = mkdtempSync(join(tmpdir(), "fairlead-host-path-"));
    const hostPath = (path: string, type?: string) => ({
      name: "v",
      hostPath: { path: join(root, path), ...(type && { type }) },
    });
    const script = "echo $HOME_OF >/v/file; cat /v/file; sleep 60";
    const env = [
      { name: "WHO", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      { name: "HOME_OF", value: "me" },
    ];
    await fixture.create("sub", {
      volumes: [hostPath("made", "DirectoryOrCreate")],
      containers: [{ ...shell(script), env, volumeMounts: [{ name: "v", mountPath: "/v", subPathExpr: "$(WHO)/x" }] }],
    });
    await has("sub", "me");
    assert.ok(existsSync(join(root, "made/sub/x/file")));
    await fixture.remove("sub");

    await fixture.create("wrong", {
      volumes: [hostPath("none", "File")],
      containers: [{ ...shell("true"), volumeMounts: [{ name: "v", mountPath: "/v" }] }],
    });
    const events = await until(async () => {
      const found = (await fixture.eventsOf("wrong")).filter(({ reason }) => reason === "FailedMount");
      return found.length > 0 && found;
    }, "FailedMount");
    assert.match(events[0]?.message ?? "", /hostPath type check failed: .*none is not a File/);
    await fixture.remove("wrong");

    await fixture.create("unknown", {
      volumes: [hostPath("made")],
      containers: [{ ...shell("true"), volumeMounts: [{ name: "v", mountPath: "/v", subPathExpr: "$(NOBODY)" }] }],
    });
    const pod = await fixture.podWhen("unknown", (one: Pod) => waitingReason(one) === "CreateContainerConfigError");
    assert.match(pod.status?.containerStatuses?.[0]?.state?.waiting?.message ?? "", /names a variable/);
    assert.equal(isReady(pod), false);
    await fixture.remove("unknown");
    rmSync(root, { recursive: true });
  });

  test("recursiveReadOnly: what is mounted below is read-only with an OCI runtime; else an Event says that it is not", async () => {
    const folder = mkdtempSync(join(tmpdir(), "fairlead-recursive-"));
    mkdirSync(join(folder, "inner"));
    mountTmpfs(join(folder, "inner"));
    const mount = { name: "v", mountPath: "/v", readOnly: true, recursiveReadOnly: "Enabled" };
    const container = {
      ...shell("touch /v/new || echo outer; touch /v/inner/new || echo inner; sleep 60"),
      volumeMounts: [mount],
    };
    await fixture.create("recursive", {
      volumes: [{ name: "v", hostPath: { path: folder } }],
      containers: [container],
    });
    await has("recursive", "outer");
    if (testRuntime && testRuntime !== criHandler) await has("recursive", "inner");
    else {
      const event = async () => (await fixture.eventsOf("recursive")).find(({ reason }) => reason === "NotSupported");
      assert.match(
        (await until(event, "an Event")).message ?? "",
        /\/v is read-only by itself, recursiveReadOnly has no/,
      );
    }
    await fixture.remove("recursive");
    detachMount(join(folder, "inner"));
    rmSync(folder, { recursive: true, force: true });
  });
}
