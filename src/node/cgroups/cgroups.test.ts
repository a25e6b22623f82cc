import assert from "node:assert/strict";
import test from "node:test";
import { allOwnCgroups, findHierarchies } from "./hierarchies.ts";
import { limitsOf, oomKills, settingsOf } from "./settings.ts";

const shown = (resources: Parameters<typeof limitsOf>[0], version: 1 | 2) =>
  settingsOf(limitsOf(resources) ?? {}, version).map(({ file, value }) => `${file}=${value}`);

test("limits and requests as files of both versions", () => {
  const resources = { limits: { memory: "64Mi", cpu: "500m" }, requests: { cpu: "100m" } };
  assert.deepEqual(shown(resources, 2), [
    "memory.max=67108864",
    "memory.oom.group=1",
    "cpu.max=50000 100000",
    "cpu.weight=4",
  ]);
  assert.deepEqual(shown(resources, 1), ["memory.limit_in_bytes=67108864", "cpu.cfs_quota_us=50000", "cpu.shares=102"]);
  assert.deepEqual(shown({ limits: { cpu: "1m" } }, 2), ["cpu.max=1000 100000", "cpu.weight=1"]);
  assert.equal(limitsOf({ limits: { "example.com/dongle": "1" } }), undefined);
  assert.equal(limitsOf(undefined), undefined);
});

test("oomKills() reads memory.events and memory.oom_control", () => {
  assert.equal(oomKills("low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\noom_group_kill 1\n"), 2);
  assert.equal(oomKills("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"), 1);
  assert.equal(oomKills(""), 0);
});

test("findHierarchies(): version 2 where it has the controllers, else version 1, else none", () => {
  const unified = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
  const read = (files: Readonly<Record<string, string>>) => (path: string) => files[path];
  const all = { "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n" };
  const roots = { memory: "/sys/fs/cgroup", cpu: "/sys/fs/cgroup", pids: "/sys/fs/cgroup" };
  assert.deepEqual(findHierarchies({ mountinfo: unified, selfCgroup: "0::/user.slice\n" }, read(all)), {
    version: 2,
    roots,
  });

  const old = (name: string) => `31 30 0:27 / /c/${name} rw - cgroup cgroup rw,${name}`;
  const hybrid = [unified, ...["memory", "cpu", "pids"].map(old)].join("\n");
  const selfCgroup = "5:memory:/mine\n4:cpu,cpuacct:/hidden\n3:pids:/\n0::/\n";
  const there = {
    "/sys/fs/cgroup/cgroup.controllers": "hugetlb\n",
    "/c/memory/mine/cgroup.procs": "1\n",
    "/c/pids/cgroup.procs": "1\n",
  };
  assert.deepEqual(findHierarchies({ mountinfo: hybrid, selfCgroup }, read(there)), {
    version: 1,
    roots: { memory: "/c/memory/mine", cpu: "/c/cpu", pids: "/c/pids" },
  });
  assert.equal(findHierarchies({ mountinfo: unified, selfCgroup }, read({})), undefined);
  const named = "32 30 0:28 / /c/systemd rw - cgroup cgroup rw,name=systemd";
  const facts = { mountinfo: `${hybrid}\n${named}`, selfCgroup: `9:name=systemd:/\n${selfCgroup}` };
  assert.deepEqual(allOwnCgroups(facts, read(there)), ["/c/memory/mine", "/c/cpu", "/c/pids", "/c/systemd"]);
});
