import assert from "node:assert/strict";
import test from "node:test";
import type { ContainerSpec } from "../container-runtime.ts";
import { cgroupParent } from "./cgroup-parent.ts";
import { networkAnnotations } from "./cni-plugin.ts";
import { containerOf, sandboxOf } from "./config.ts";
import { recordOf, stateOf } from "./record.ts";
import { pauseProgram } from "./sandbox-image.ts";

const spec: ContainerSpec = {
  ...{ id: "a".repeat(64), handler: "containerd", podUid: "uid-1", name: "main", attempt: 2 },
  ...{ image: "app:1", imageId: "app@sha256:1", argv: ["sh"], env: { A: "b" }, workingDir: "/", hostname: "web" },
  root: { kind: "unpacked", directory: "/images/1" },
  mounts: [{ source: "/data/v", target: "/v", readOnly: true }],
  logFile: "/data/pods/uid-1/main/2.log",
  networkNamespace: "/run/netns/pod-uid-1",
  ipcNamespace: "/run/ipc/uid-1",
  pod: { name: "web", namespace: "team", ips: ["10.244.0.5", "fd00::5"] },
  capabilities: ["CHOWN"],
};
const owner = { cluster: "c1", node: "node-1" };
const place = { ...owner, clusterRoot: "/proc/47/root", nodeNamespace: "/run/netns/node-1", nodeIps: ["172.18.0.2"] };

test("a sandbox has the Pod's network as the machine sees it, or the node's", () => {
  const { annotations, metadata, logDirectory, labels } = sandboxOf(spec, place, 1);
  assert.deepEqual(metadata, { name: "web", namespace: "team", uid: "uid-1", attempt: 1 });
  assert.deepEqual(annotations, {
    [networkAnnotations.path]: "/proc/47/root/run/netns/pod-uid-1",
    [networkAnnotations.addresses]: "10.244.0.5/32 fd00::5/128",
  });
  assert.equal(logDirectory, "/data/pods/uid-1");
  assert.equal(labels?.["fairlead.dev/cluster"], "c1");
  const { networkNamespace: _, ...ofNode } = { ...spec, pod: { name: "web", namespace: "team", ips: [] } };
  assert.deepEqual(sandboxOf(ofNode, place, 0).annotations, {
    [networkAnnotations.path]: "/proc/47/root/run/netns/node-1",
    [networkAnnotations.addresses]: "172.18.0.2/32",
  });
});

test("a container is as its spec says, and its record comes back from the annotation", () => {
  const config = containerOf(spec, { ...owner, image: "sha256:2" });
  assert.equal(config.logPath, "main/2.log");
  assert.deepEqual(config.mounts, [{ containerPath: "/v", hostPath: "/data/v", readonly: true }]);
  const { capabilities, privileged, runAsUser } = config.linux?.securityContext ?? {};
  assert.deepEqual(capabilities, { dropCapabilities: ["ALL"], addCapabilities: ["CHOWN"] });
  assert.deepEqual([privileged, runAsUser], [false, { value: 0 }]);
  const { id, podUid, name, attempt, image, imageId, logFile, handler } = spec;
  assert.deepEqual(recordOf({ annotations: config.annotations ?? {} }), {
    ...{ id, podUid, name, attempt, image, imageId, logFile, handler },
  });
  assert.equal(recordOf({ annotations: {} }), undefined);
});

test("whose processes a container sees", () => {
  const pidOf = (pidNamespace: ContainerSpec["pidNamespace"], target?: string) =>
    containerOf({ ...spec, ...(pidNamespace && { pidNamespace }) }, { ...owner, image: "i", target }).linux
      ?.securityContext?.namespaceOptions;
  assert.deepEqual(pidOf(undefined), { ipc: 0, pid: 1 });
  assert.deepEqual(pidOf("node"), { ipc: 0, pid: 2 });
  assert.deepEqual(pidOf({ container: "x" }), { ipc: 0, pid: 0 });
  assert.deepEqual(pidOf({ container: "x" }, "y"), { ipc: 0, pid: 3, targetId: "y" });
});

test("a file system in memory is refused in one sentence", () =>
  assert.throws(
    () => containerOf({ ...spec, mounts: [{ target: "/t", readOnly: false }] }, { ...owner, image: "i" }),
    /^Error: a file system in memory cannot be mounted at \/t by containerd$/,
  ));

test("states", () => {
  const status = {
    ...{ id: "", metadata: undefined, createdAt: 1, reason: "", message: "", logPath: "" },
    labels: {},
    annotations: {},
  };
  const at = { startedAt: 2e9, finishedAt: 3e9, exitCode: 4 };
  assert.deepEqual(stateOf({ ...status, ...at, state: 0 }), { kind: "starting" });
  assert.deepEqual(stateOf({ ...status, ...at, state: 1 }), { kind: "running", startedAtMs: 2000 });
  const ended = { kind: "exited", startedAtMs: 2000, finishedAtMs: 3000 };
  assert.deepEqual(stateOf({ ...status, ...at, state: 2 }), { ...ended, exitCode: 4 });
  const late = { ...at, startedAt: at.finishedAt + 5e6 };
  assert.deepEqual(stateOf({ ...status, ...late, state: 2 }), { ...ended, startedAtMs: 3000, exitCode: 4 });
  const short = stateOf({ ...status, ...at, state: 2, reason: "OOMKilled" });
  assert.deepEqual(short, { ...ended, exitCode: 4, oomKilled: true });
  assert.deepEqual(stateOf({ ...status, ...at, state: 3 }), {
    ...{ ...ended, exitCode: 137, error: "containerd lost sight of it" },
  });
  assert.deepEqual(stateOf({ ...status, ...at, startedAt: 0, exitCode: 128, state: 2, message: "no such file" }), {
    ...{ kind: "exited", finishedAtMs: 3000, exitCode: 128, error: "no such file" },
  });
});

test("cgroups are at a place of the cluster's own, for systemd in a slice", () => {
  assert.equal(cgroupParent("c1", undefined), "/fairlead-c1");
  const config = {
    containerd: { defaultRuntimeName: "runc", runtimes: { runc: { options: { SystemdCgroup: true } } } },
  };
  assert.equal(cgroupParent("c1", JSON.stringify(config)), "fairlead_c1.slice");
});

test("programs of sandboxes are small, for two processors", () => {
  assert.deepEqual(
    ["amd64", "arm64", "riscv64"].map((name) => pauseProgram(name)?.length),
    [192, 208, undefined],
  );
});
