import assert from "node:assert/strict";
import test from "node:test";
import type { ContainerSpec } from "../container-runtime.ts";
import { type BundleOptions, ociConfig } from "./bundle.ts";

const plain: ContainerSpec = {
  ...{ id: "c1", podUid: "u1", name: "main", attempt: 0, image: "app:1", imageId: "sha256:1" },
  ...{ argv: ["run", "it"], env: { A: "b c" }, workingDir: "/work", hostname: "pod-1", logFile: "/log" },
  root: { kind: "unpacked", directory: "/images/1" },
  mounts: [],
};
const options: BundleOptions = { rootfs: "/c/root", joinPid: undefined, owned: ["CHOWN", "KILL", "NET_RAW"] };
const config = (more: Partial<ContainerSpec>, other: Partial<BundleOptions> = {}) =>
  ociConfig({ ...plain, ...more }, { ...options, ...other });

test("namespaces: the Pod's by path, its own processes, another's, or the node's", () => {
  const types = (namespaces: ReturnType<typeof config>["linux"]["namespaces"]) =>
    namespaces.map((one) => ("path" in one ? `${one.type}=${one.path}` : one.type));
  assert.deepEqual(types(config({}).linux.namespaces), ["mount", "uts", "pid"]);
  const shared = config({ networkNamespace: "/run/net", ipcNamespace: "/run/ipc" }, { joinPid: 7 });
  assert.deepEqual(types(shared.linux.namespaces), [
    ...["mount", "uts", "network=/run/net", "ipc=/run/ipc", "pid=/proc/7/ns/pid"],
  ]);
  assert.deepEqual(types(config({}, { joinPid: "node" }).linux.namespaces), ["mount", "uts"]);
});

test("the process: user, groups, environment, and no capability that the agent has not", () => {
  const { process } = config({ user: { uid: 5, gid: 6, groups: [7] }, capabilities: ["KILL", "SYS_TIME"], tty: true });
  assert.deepEqual(process.user, { uid: 5, gid: 6, additionalGids: [6, 7] });
  assert.deepEqual(process.capabilities.bounding, ["CAP_KILL"]);
  assert.deepEqual(
    [process.terminal, process.args, process.env, process.cwd],
    [true, ["run", "it"], ["A=b c"], "/work"],
  );
  assert.deepEqual(config({}).process.capabilities.effective, ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"]);
});

test("mounts: a Pod's /dev/shm takes the place of the usual one; files are bound, the rest is memory", () => {
  const { mounts } = config({
    mounts: [
      { source: "/pods/shm", target: "/dev/shm", readOnly: false },
      { source: "/pods/hosts", target: "/etc/hosts", readOnly: true },
      { target: "/cache", readOnly: true },
    ],
  });
  assert.deepEqual(
    mounts.slice(3).map(({ destination, type, options }) => [destination, type, options.join()]),
    [
      ["/sys", "bind", "rbind,ro,nosuid,nodev,noexec"],
      ["/dev/shm", "bind", "rbind,rw"],
      ["/etc/hosts", "bind", "rbind,ro,nosuid,nodev"],
      ["/cache", "tmpfs", "ro"],
    ],
  );
});

test("limits and devices where the runtime makes cgroups; filters and masks where they are wanted", () => {
  assert.equal("resources" in config({ limits: { memoryBytes: 1 } }).linux, false);
  const limits = { memoryBytes: 64, cpuMillis: 500, cpuRequestMillis: 100 };
  const { linux } = config({ limits, capabilities: [] }, { cgroupsPath: "/f/c1" });
  assert.deepEqual(linux.resources, {
    devices: [{ allow: false, access: "rwm" }],
    memory: { limit: 64 },
    cpu: { quota: 50_000, period: 100_000, shares: 102 },
  });
  const privileged = config({}, { cgroupsPath: "/f/c1" }).linux;
  assert.deepEqual(privileged.resources?.devices, [{ allow: true, access: "rwm" }]);
  assert.equal(privileged.seccomp, undefined);
  assert.ok(config({ maskPaths: true }).linux.maskedPaths?.includes("/proc/kcore"));
  const filter = config({ seccomp: true }).linux.seccomp as { syscalls: { names: string[] }[] };
  assert.ok(filter.syscalls[0]?.names.includes("mount"));
  assert.deepEqual(config({ seccompProfile: { defaultAction: "X" } }).linux.seccomp, { defaultAction: "X" });
});
