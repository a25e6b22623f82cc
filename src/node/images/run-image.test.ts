/** Loaded images through the whole agent, with real namespaces. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { Readable } from "node:stream";
import test, { after, before } from "node:test";
import { gzipSync } from "node:zlib";
import type { Container } from "kubernetes-types/core/v1";
import { hasOtherUsers } from "../registration/machine.ts";
import { criHandler } from "../runtime/cri/names.ts";
import { AgentFixture, isReady, until, waitingReason } from "../testing/agent-fixture.ts";
import { dockerArchive, type FileEntry, type ImageParts, ociArchive, tarOf } from "../testing/image-archive.ts";
import { everyRuntime, inNamespaces, testRuntime } from "../testing/in-namespaces.ts";
import { loadArchive } from "./content/archive.ts";
import { ContentStore } from "./content/content-store.ts";
import { machinePlatform } from "./loaded.ts";

const busybox = "/bin/busybox";
const applets = ["cat", "id", "ls", "mount", "pwd", "sh", "sleep", "stat", "touch", "wc"];

/** A small distribution; its /bin and /var/run are links, as many have them. */
const base: readonly FileEntry[] = [
  { path: "usr/bin/" },
  { path: "bin", linkpath: "usr/bin" },
  { path: "run/" },
  { path: "var/" },
  { path: "var/run", linkpath: "/run" },
  { path: "etc/passwd", content: "root:x:0:0::/root:/bin/sh\napp:x:1234:2345::/:/bin/sh\n" },
  { path: "etc/group", content: "root:x:0:\nstaff:x:3456:\n" },
  { path: "etc/secret", content: "of the first layer" },
  ...applets.map((name) => ({ path: `usr/bin/${name}`, linkpath: "busybox" })),
];

if (!existsSync(busybox)) test("loaded images", { skip: "busybox-static is not installed" }, () => undefined);
else if (inNamespaces(import.meta.url, everyRuntime)) {
  const program = { path: "usr/bin/busybox", content: readFileSync(busybox), mode: 0o755 };
  const layers = [
    tarOf([...base, program]),
    tarOf([{ path: "etc/.wh.secret" }, { path: "etc/motd", content: "hi\n" }]),
  ];
  const parts = (config: Readonly<Record<string, unknown>>): ImageParts => ({
    layers: layers.map((tar) => ({ tar, blob: gzipSync(tar) })),
    config,
  });
  const fixture = new AgentFixture();
  const store = new ContentStore(fixture.config.dataDir);
  const load = (archive: Buffer) =>
    loadArchive(store, Readable.from([archive], { objectMode: false }), {
      platform: machinePlatform(),
      keepOwners: hasOtherUsers(),
    });
  const main = (image: string, rest: Partial<Container> = {}): Container => ({ name: "main", image, ...rest });
  /** What the only container says before it ends. */
  const output = async (name: string, container: Container): Promise<string[]> => {
    await fixture.create(name, { restartPolicy: "Never", containers: [container] });
    await fixture.podWhen(name, ({ status }) => status?.phase === "Succeeded" || status?.phase === "Failed");
    const { body } = await fixture.logOf(name);
    await fixture.remove(name);
    return body.trimEnd().split("\n");
  };

  before(async () => {
    await fixture.open();
    await fixture.begin();
  });
  after(async () => {
    await fixture.end();
    await fixture.close();
  });

  test("a Pod that waits for its image starts as soon as it is loaded", async () => {
    await fixture.create("waits", { containers: [main("team/app:1", { command: ["sleep", "60"] })] });
    await fixture.podWhen("waits", (pod) => waitingReason(pod) === "ImagePullBackOff");
    await load(ociArchive(parts({}), "team/app:1"));
    const pod = await fixture.podWhen("waits", isReady);
    assert.match(pod.status?.containerStatuses?.[0]?.imageID ?? "", /^team\/app@sha256:[0-9a-f]{64}$/);
    await fixture.remove("waits");
  });

  test("the image's config: entrypoint, cmd, env, working directory", async () => {
    const config = {
      Entrypoint: ["sh", "-c", 'pwd; echo "$GREETING $*"; cat /etc/motd; ls /etc/secret 2>&1', "sh"],
      Cmd: ["one", "two"],
      Env: ["PATH=/bin", "GREETING=good = day"],
      WorkingDir: "/not/there/yet",
    };
    await load(dockerArchive(parts(config), ["configured:1"]));
    const lines = await output("config", main("configured:1"));
    assert.deepEqual(lines.slice(0, 3), ["/not/there/yet", "good = day one two", "hi"]);
    assert.match(lines[3] ?? "", /No such file/, "a whiteout of the second layer");
    const [, other] = await output("args", main("configured:1", { args: ["three"] }));
    assert.equal(other, "good = day three");
  });

  test("a container's surroundings: its own proc, dev and sys, files of the Pod, a root of its own", async () => {
    const script = [
      "echo $(ls /proc | wc -l) >/dev/null && cat /proc/1/cmdline | wc -c",
      "for d in null zero full random urandom tty; do [ -c /dev/$d ] || echo no $d; done",
      "echo shm >/dev/shm/a && cat /dev/shm/a; [ -d /dev/pts ] && echo pts",
      "touch /sys/a 2>&1; cat /etc/hostname; cat /run/data/key; echo mine >/bin/mine && cat /usr/bin/mine",
      "ls /dev/stdin /dev/fd >/dev/null && echo links",
    ];
    await fixture.create("surroundings", {
      restartPolicy: "OnFailure",
      volumes: [{ name: "d", downwardAPI: { items: [{ path: "key", fieldRef: { fieldPath: "metadata.name" } }] } }],
      containers: [
        main("team/app:1", {
          command: [
            "sh",
            "-c",
            `[ -e /bin/mine ] && echo not fresh; ${script.join("; ")}; [ -e /dev/shm/b ] || exit 0`,
          ],
          volumeMounts: [{ name: "d", mountPath: "/var/run/data" }],
        }),
      ],
    });
    await fixture.podWhen("surroundings", ({ status }) => status?.phase === "Succeeded");
    const lines = (await fixture.logOf("surroundings")).body.trimEnd().split("\n").slice(1);
    assert.match(lines[2] ?? "", /Read-only/);
    lines.splice(2, 1);
    assert.deepEqual(lines, ["shm", "pts", "surroundings", "surroundingsmine", "links"]);
    assert.equal(existsSync(`${store.directory}/roots/x`), false);
    const again = await output("again", main("team/app:1", { command: ["ls", "/bin/mine"] }));
    assert.match(again[0] ?? "", /No such file/, "what one container writes is not in the image");
    await fixture.remove("surroundings");
  });

  test("the image's user, by number and by name", async () => {
    await load(ociArchive(parts({ User: "app:staff", Cmd: ["id"] }), "named:1"));
    await load(ociArchive(parts({ User: "77", Cmd: ["id"] }), "numbered:1"));
    await load(ociArchive(parts({ User: "nobody-knows", Cmd: ["id"] }), "unknown:1"));
    const refusal = async (name: string, image: string, rest: Partial<Container> = {}) => {
      await fixture.create(name, { containers: [main(image, rest)] });
      const pod = await fixture.podWhen(name, (one) => waitingReason(one) === "CreateContainerConfigError");
      const message = pod.status?.containerStatuses?.[0]?.state?.waiting?.message ?? "";
      const events = await until(async () => {
        const found = (await fixture.eventsOf(name)).filter((event) => event.message?.includes(message));
        return found.length > 0 && found;
      }, "Event");
      assert.ok(events.length > 0);
      await fixture.remove(name);
      return message;
    };
    assert.match(await refusal("unknown", "unknown:1"), /runs as "nobody-knows", which is in no \/etc\/passwd/);
    const nonRoot = { securityContext: { runAsNonRoot: true } };
    assert.match(
      await refusal("root", "team/app:1", { ...nonRoot, command: ["id"] }),
      /runAsNonRoot and image will run as root/,
    );
    const command = ["sh", "-c", "id -u; id -g"];
    if (hasOtherUsers()) {
      assert.deepEqual(await output("named", main("named:1", { command })), ["1234", "3456"]);
      assert.deepEqual(await output("numbered", main("numbered:1", { command })), ["77", "0"]);
    } else {
      assert.match(await refusal("named", "named:1"), /has user 0 only; set securityContext.runAsUser to 0/);
    }
    const asRoot = main("named:1", { command, securityContext: { runAsUser: 0 } });
    assert.deepEqual(await output("as-root", asRoot), ["0", "0"]);
  });

  test("the image's stop signal ends it", async () => {
    const Cmd = [
      "sh",
      "-c",
      "trap 'echo quit; exit 0' QUIT; trap 'echo term' TERM; echo up; while :; do sleep 0.05; done",
    ];
    await load(ociArchive(parts({ Cmd, StopSignal: "SIGQUIT" }), "stops:1"));
    await fixture.create("stops", { containers: [main("stops:1")] });
    await fixture.podWhen("stops", isReady);
    await until(async () => (await fixture.logOf("stops")).body.includes("up"), "output");
    const begun = performance.now();
    await fixture.remove("stops", 5);
    assert.ok(performance.now() - begun < 4_000);
  });

  test("links of an image lead mounts nowhere else; a program that is missing is named", async () => {
    const etc = tarOf([
      { path: "etc/.wh..wh..opq" },
      { path: ".wh.etc" },
      { path: "etc", linkpath: "../../../../run" },
    ]);
    const hostile = { layers: [...layers, etc].map((tar) => ({ tar })) };
    await load(ociArchive(hostile, "hostile:1"));
    const lines = await output("hostile", main("hostile:1", { command: ["ls", "/run"] }));
    // Whether containerd takes such an image is its own matter.
    if (testRuntime !== criHandler) assert.deepEqual(lines, ["hostname", "hosts", "resolv.conf"]);
    assert.equal(existsSync("/run/hosts"), false);
    await fixture.create("missing", {
      restartPolicy: "Never",
      containers: [main("team/app:1", { command: ["nope"] })],
    });
    const pod = await fixture.podWhen("missing", ({ status }) => status?.phase === "Failed");
    const { message } = pod.status?.containerStatuses?.[0]?.state?.terminated ?? {};
    assert.match(message ?? "", /"nope": executable file not found/);
    await fixture.remove("missing");
  });

  test("nothing of the containers is left on disk", async () => {
    const left = () => readdirSync(`${fixture.config.dataDir}/nodes/node-1/pods`).length;
    await until(async () => left() === 0, "removal of what Pods left");
    assert.deepEqual(readdirSync(store.ingest), []);
    assert.equal(readdirSync(store.roots).length, 2, "one root for all images with the same layers");
    assert.deepEqual(fixture.problems, []);
  });
}
