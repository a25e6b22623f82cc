/** Images from archives in a running cluster: load, list, run, replace, remove. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { describe } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { dockerArchive, documentsOf, ociArchive, tarOf } from "../../src/node/testing/image-archive.ts";
import { ordinaryUser, prepareCluster, skipReason, until } from "./harness.ts";

const busybox = "/bin/busybox";
const skip = skipReason || (existsSync(busybox) ? false : "busybox-static is not installed");

const imageParts = (greeting: string) => {
  const tar = tarOf([
    ...["sh", "cat", "sleep"].map((name) => ({ path: `bin/${name}`, linkpath: "busybox" })),
    { path: "bin/busybox", content: readFileSync(busybox), mode: 0o755 },
    { path: "greeting", content: greeting },
  ]);
  return { layers: [{ tar, blob: gzipSync(tar) }], config: { Cmd: ["sh", "-c", "cat /greeting; exec sleep 1000"] } };
};

const registry = "/usr/bin/docker-registry";
const port = 25_000 + (process.pid % 5_000);

/** Debian's registry on loopback with one image, "localhost:<port>/team/app:1". */
async function startRegistry(): Promise<{ stop(): void }> {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-registry-"));
  const config = `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${directory}/data}}\nhttp: {addr: "127.0.0.1:${port}"}\n`;
  writeFileSync(join(directory, "config.yml"), config);
  const child = spawn(registry, ["serve", join(directory, "config.yml")], { stdio: "ignore" });
  const base = `http://127.0.0.1:${port}/v2/`;
  for (let tries = 0; tries < 200 && !(await fetch(base).catch(() => undefined)); tries++) await delay(25);
  const { blobs, manifest } = documentsOf(imageParts("pulled\n"));
  for (const [digest, body] of blobs) {
    const begun = await fetch(`${base}team/app/blobs/uploads/`, { method: "POST" });
    const place = new URL(begun.headers.get("location") ?? "", base);
    place.searchParams.set("digest", digest);
    assert.equal((await fetch(place, { method: "PUT", body: new Uint8Array(body) })).status, 201);
  }
  const headers = { "content-type": manifest.mediaType };
  const body = String(blobs.get(manifest.digest));
  assert.equal((await fetch(`${base}team/app/manifests/1`, { method: "PUT", headers, body })).status, 201);
  const stop = () => {
    child.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  };
  return { stop };
}

const users = [{ name: "as this user", as: [] as readonly string[] }];
const other = process.getuid?.() === 0 ? ordinaryUser() : undefined;
if (other) users.push({ name: "as an ordinary user", as: other });

for (const { name, as } of skip ? users.slice(0, 1) : users) {
  describe(`images ${name}`, { skip, timeout: 120_000 }, () => {
    test("load before and while the cluster runs; rm refuses what is in use and frees the rest", async () => {
      const cluster = prepareCluster({ as });
      const archive = (file: string, content: Buffer): string => {
        const path = join(cluster.dir, file);
        writeFileSync(path, content);
        chmodSync(path, 0o644);
        return path;
      };
      const image = (...args: string[]) => cluster.fairlead("image", ...args);
      try {
        const first = image("load", archive("first.tar", ociArchive(imageParts("hello\n"), "app:1")));
        assert.match(first.stdout, /^Loaded app:1 \(.* (kB|MB)\)\n$/, first.stderr);
        const up = cluster.fairlead("up", "--detach");
        assert.equal(up.code, 0, up.stderr);
        cluster.ok("run", "one", "--image=app:1");
        cluster.ok("run", "two", "--image=registry.example/team/app:2");
        cluster.ok("wait", "--for=condition=Ready", "pod/one", "--timeout=20s");
        assert.equal(cluster.ok("logs", "one"), "hello\n");
        await until("a Pod without its image says how to load it", () =>
          /fairlead image load FILE/.test(cluster.kubectl("get", "events").stdout),
        );
        const tag = "registry.example/team/app:2";
        image("load", archive("second.tar.gz", gzipSync(dockerArchive(imageParts("later\n"), [tag]))));
        cluster.ok("wait", "--for=condition=Ready", "pod/two", "--timeout=20s");
        assert.equal(cluster.ok("logs", "two"), "later\n");
        assert.match(image("list").stdout, /^app:1 +[0-9a-f]{12} .*\n(.*\n)*registry\.example\/team\/app:2 /m);

        const refused = image("rm", "app:1");
        assert.equal(refused.code, 1);
        assert.match(refused.stderr, /the Pod default\/one uses it/);
        cluster.ok("delete", "pod", "one", "--grace-period=1");
        assert.match(image("rm", "app:1").stdout, /^Removed app:1\n.* are free again\n$/);
        assert.equal(readdirSync(join(cluster.dir, "data", "images", "roots")).length, 1);
        const bad = image("load", archive("bad.tar", Buffer.from("nothing")));
        assert.equal(bad.code, 1);
        assert.match(bad.stderr, /^[^\n]+\n$/);
        const down = cluster.fairlead("down");
        assert.equal(down.code, 0, down.stderr);
        assert.equal(existsSync(join(cluster.dir, "data")), false);
      } finally {
        cluster.stop();
      }
    });

    const noRegistry = existsSync(registry) ? false : "Debian's docker-registry is not installed";
    test("a registry that the user named is asked, no other one", { skip: noRegistry }, async () => {
      const { stop } = await startRegistry();
      const cluster = prepareCluster({ as });
      try {
        const mirror = `localhost:${port}=http://127.0.0.1:${port}`;
        const bad = cluster.fairlead("up", "--detach", "--registry-mirror", "docker.io=http://registry.example");
        assert.match(bad.stderr, /it must be an https URL, or http on localhost/);
        const up = cluster.fairlead("up", "--detach", "--registry-mirror", mirror);
        assert.equal(up.code, 0, up.stderr);
        cluster.ok("run", "one", `--image=localhost:${port}/team/app:1`);
        cluster.ok("run", "none", `--image=localhost:${port}/team/none:1`);
        cluster.ok("run", "other", "--image=registry.example/team/app:1");
        cluster.ok("wait", "--for=condition=Ready", "pod/one", "--timeout=20s");
        assert.equal(cluster.ok("logs", "one"), "pulled\n");
        const events = (pod: string) => cluster.ok("get", "events", "--field-selector", `involvedObject.name=${pod}`);
        assert.match(events("one"), /Pulling image "localhost/);
        assert.match(events("one"), /Successfully pulled image .* Image size: \d+ bytes\./);
        await until("the reason of the one that is not there", () => /manifests\/1 is not found/.test(events("none")));
        await until("the reason of the other one", () => /--registry-mirror HOST=URL/.test(events("other")));
      } finally {
        cluster.stop();
        stop();
      }
    });
  });
}
