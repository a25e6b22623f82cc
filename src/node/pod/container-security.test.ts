/** What securityContext asks for, seen from inside real containers. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { after, before } from "node:test";
import type { Container, PodSpec } from "kubernetes-types/core/v1";
import { Cgroups } from "../cgroups/cgroups.ts";
import { hasOtherUsers } from "../registration/machine.ts";
import { AgentFixture, until, waitingReason } from "../testing/agent-fixture.ts";
import { everyRuntime, inNamespaces, testRuntime } from "../testing/in-namespaces.ts";
import { hasBusybox, loadSmallImage } from "../testing/small-image.ts";

const image = "small:1";

if (!hasBusybox()) test("securityContext", { skip: "busybox-static is not installed" }, () => undefined);
else if (inNamespaces(import.meta.url, everyRuntime)) {
  const fixture = new AgentFixture();
  before(async () => {
    await fixture.open();
    await loadSmallImage(fixture.config.dataDir, image);
    await fixture.begin();
  });
  after(async () => {
    await fixture.end();
    await fixture.close();
  });

  const main = (script: string, rest: Partial<Container> = {}): Container => ({
    ...{ name: "main", image, command: ["sh", "-c", script] },
    ...rest,
  });
  const linesOf = async (name: string, spec: PodSpec): Promise<string[]> => {
    await fixture.create(name, { restartPolicy: "Never", ...spec });
    await fixture.podWhen(name, ({ status }) => status?.phase === "Succeeded" || status?.phase === "Failed");
    const { body } = await fixture.logOf(name);
    await fixture.remove(name);
    return body.trimEnd().split("\n");
  };
  const status = "grep -E '^(CapBnd|CapEff|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'";

  test("a container has the capabilities that containers have everywhere, and /proc/sys is read-only", async () => {
    const lines = await linesOf("plain", {
      containers: [
        main(`exec 2>&1; ${status}; echo x >/proc/sys/kernel/core_pattern; wc -c </proc/kcore; mount -t tmpfs x /tmp`),
      ],
    });
    assert.deepEqual(lines.slice(0, 4), [
      "CapEff:00000000a80425fb",
      "CapBnd:00000000a80425fb",
      "NoNewPrivs:0",
      "Seccomp:0",
    ]);
    assert.match(lines[4] ?? "", /Read-only file system/);
    assert.match(lines[5] ?? "", /^0$|no such file/);
    assert.match(lines[6] ?? "", /permission denied/i);
  });

  test("privileged: every capability, nothing masked", async () => {
    const securityContext = { privileged: true };
    const lines = await linesOf("privileged", {
      containers: [
        main(`${status}; mount -t tmpfs x /tmp && echo mounted; [ -w /proc/sys/kernel ] && echo writable`, {
          securityContext,
        }),
      ],
    });
    assert.match(lines[1] ?? "", /^CapBnd:0*1f/);
    assert.deepEqual(lines.slice(4), ["mounted", "writable"]);
  });

  test("capabilities are added and dropped, privileges not gained, calls filtered, the root read-only", async () => {
    const securityContext = {
      capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE", "CAP_SYS_TIME"] },
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      seccompProfile: { type: "RuntimeDefault" },
    };
    const script = `${status}; touch /here 2>&1; touch /work/here && echo work; unshare -U true 2>&1; ls / >/dev/null && echo alive`;
    const lines = await linesOf("restricted", {
      volumes: [{ name: "work", emptyDir: {} }],
      containers: [main(script, { securityContext, volumeMounts: [{ name: "work", mountPath: "/work" }] })],
    });
    assert.deepEqual(lines.slice(0, 4), [
      "CapEff:0000000002000400",
      "CapBnd:0000000002000400",
      "NoNewPrivs:1",
      "Seccomp:2",
    ]);
    assert.match(lines[4] ?? "", /Read-only file system/);
    assert.equal(lines[5], "work");
    assert.match(lines[6] ?? "", /not permitted/);
    assert.equal(lines[7], "alive");
  });

  test("users and groups, of exec too; volumes are the group's", { skip: !hasOtherUsers() }, async () => {
    const securityContext = {
      runAsUser: 1234,
      runAsGroup: 3000,
      supplementalGroups: [4000],
      fsGroup: 5000,
      runAsNonRoot: true,
    };
    const script =
      "id; touch /work/new; stat -c '%u:%g' /work/new; stat -c '%g %a' /work; cat /settings/name; echo; sleep 60";
    await fixture.create("users", {
      securityContext,
      volumes: [
        { name: "work", emptyDir: {} },
        {
          name: "settings",
          downwardAPI: { defaultMode: 0o400, items: [{ path: "name", fieldRef: { fieldPath: "metadata.name" } }] },
        },
      ],
      containers: [
        main(script, {
          volumeMounts: [
            { name: "work", mountPath: "/work" },
            { name: "settings", mountPath: "/settings" },
          ],
          readinessProbe: {
            exec: { command: ["sh", "-c", '[ "$(id -u) $(id -g) $(id -G)" = "1234 3000 3000 3456 4000 5000" ]'] },
          },
        }),
      ],
    });
    await fixture.podWhen("users", ({ status: found }) => found?.containerStatuses?.[0]?.ready === true);
    // It may be ready before it has written a line.
    const lines = await until(async () => {
      const found = (await fixture.logOf("users")).body.split("\n");
      return found.length > 4 && found;
    }, "its output");
    assert.equal(lines[0], "uid=1234(app) gid=3000 groups=3000,3456(staff),4000,5000");
    assert.deepEqual(lines.slice(1, 4), ["1234:5000", "5000 2777", "users"]);
    await fixture.remove("users");
  });

  test("a seccomp profile of the user's own, in the data folder", { skip: testRuntime === undefined }, async () => {
    const folder = join(fixture.config.dataDir, "seccomp", "team");
    mkdirSync(folder, { recursive: true });
    const syscalls = [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 30 }];
    writeFileSync(join(folder, "plain.json"), JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls }));
    const securityContext = { seccompProfile: { type: "Localhost", localhostProfile: "team/plain.json" } } as const;
    const script = "mkdir /tmp/new 2>&1; touch /tmp/new && echo touched";
    const lines = await linesOf("filtered", { containers: [main(script, { securityContext })] });
    assert.match(lines[0] ?? "", /Read-only file system/);
    assert.equal(lines[1], "touched");
  });

  const rulesDevices = testRuntime === "runc" && Cgroups.open(fixture.config) instanceof Cgroups;
  test("a device that a container makes itself does not open", { skip: !rulesDevices }, async () => {
    const script = "mknod /tmp/fuse c 10 229; head -c 1 /tmp/fuse 2>&1; head -c 1 /dev/zero | wc -c";
    const lines = await linesOf("devices", { containers: [main(script)] });
    assert.match(lines[0] ?? "", /Operation not permitted/);
    assert.equal(lines[1], "1");
  });

  test("what cannot be had is refused in one sentence", async () => {
    const refusals = [
      [{ capabilities: { add: ["FLY"] } }, /no capability "FLY"/],
      [
        { seccompProfile: { type: "Localhost", localhostProfile: "x.json" } },
        testRuntime ? /x\.json cannot be used: ENOENT/ : /seccompProfile.type is Localhost, which needs an OCI runtime/,
      ],
    ] as const;
    for (const [securityContext, message] of refusals) {
      await fixture.create("refused", {
        containers: [main("true", { securityContext: securityContext as Container["securityContext"] & object })],
      });
      const pod = await fixture.podWhen("refused", (one) => waitingReason(one) === "CreateContainerConfigError");
      assert.match(pod.status?.containerStatuses?.[0]?.state?.waiting?.message ?? "", message);
      await fixture.remove("refused");
    }
    assert.deepEqual(fixture.problems, []);
  });
}
