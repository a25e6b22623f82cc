/** Pulls from Debian's docker-registry on loopback, as it is and behind a front that wants tokens or spoils what it hands on. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before, describe } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { createLog } from "../../../lib/log.ts";
import { digestOf, documentsOf, tarOf } from "../../testing/image-archive.ts";
import { machinePlatform } from "../loaded.ts";
import type { Credential } from "../pull-secret.ts";
import { askForPull, startPullService } from "../pull-service.ts";
import { parseImageReference } from "../reference.ts";
import { ContentStore } from "./content-store.ts";
import { pullImage } from "./pull.ts";

const program = "/usr/bin/docker-registry";
const skip = existsSync(program) ? false : "Debian's docker-registry is not installed";
/** "user:secret" as htpasswd -B writes it. */
const htpasswd = "user:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";
const credential: Credential = { username: "user", password: "secret" };

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("pullImage()", { skip, timeout: 60_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-registry-"));
  const tar = tarOf([{ path: "hello", content: "world" }]);
  const image = documentsOf({ layers: [{ tar, blob: gzipSync(tar) }] });
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{ ...image.manifest, platform: machinePlatform() }],
  });
  const registries: ChildProcess[] = [];
  let open = "";
  let closed = "";
  let stores = 0;
  const newStore = () => new ContentStore(join(directory, `store-${stores++}`));

  async function startRegistry(name: string, auth: string): Promise<string> {
    const port = await freePort();
    const root = join(directory, name);
    mkdirSync(root);
    const config = `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${root}}}\nhttp: {addr: "127.0.0.1:${port}"}\n${auth}`;
    writeFileSync(`${root}.yml`, config);
    registries.push(spawn(program, ["serve", `${root}.yml`], { stdio: "ignore" }));
    const base = `http://127.0.0.1:${port}`;
    for (let tries = 0; tries < 200; tries++) {
      if (await fetch(`${base}/v2/`).catch(() => undefined)) return base;
      await delay(25);
    }
    throw new Error("docker-registry does not answer");
  }

  async function push(base: string, path: string, authorization: Readonly<Record<string, string>> = {}): Promise<void> {
    const ok = (response: Response) =>
      assert.ok(response.ok || response.status === 202, `${response.url} ${response.status}`);
    for (const [digest, body] of image.blobs) {
      const begun = await fetch(`${base}/v2/${path}/blobs/uploads/`, { method: "POST", headers: authorization });
      ok(begun);
      const place = new URL(begun.headers.get("location") ?? "", base);
      place.searchParams.set("digest", digest);
      ok(await fetch(place, { method: "PUT", body: new Uint8Array(body), headers: authorization }));
    }
    const put = (name: string, body: string, type: string) =>
      fetch(`${base}/v2/${path}/manifests/${name}`, {
        ...{ method: "PUT", body },
        headers: { ...authorization, "content-type": type },
      }).then(ok);
    const { digest, mediaType } = image.manifest;
    await put("1", String(image.blobs.get(digest)), mediaType);
    await put("multi", index, "application/vnd.oci.image.index.v1+json");
  }

  const pull = (
    store: ContentStore,
    name: string,
    { base, credentials = [] }: { base: string; credentials?: readonly Credential[] },
  ) => {
    const reference = parseImageReference(name);
    assert.ok(reference);
    const mirrors = { "docker.io": base, "localhost:5000": base };
    return pullImage(store, reference, { mirrors, credentials, platform: machinePlatform(), keepOwners: false });
  };

  before(async () => {
    writeFileSync(join(directory, "htpasswd"), htpasswd);
    open = await startRegistry("open", "");
    closed = await startRegistry("closed", `auth: {htpasswd: {realm: test, path: ${directory}/htpasswd}}\n`);
    await push(open, "library/app");
    await push(closed, "team/app", { authorization: `Basic ${Buffer.from("user:secret").toString("base64")}` });
  });
  after(async () => {
    for (const registry of registries) {
      registry.kill("SIGKILL");
      await new Promise((resolve) => registry.once("exit", resolve));
    }
    rmSync(directory, { recursive: true, force: true });
  });

  test("by tag, through an index, by digest; once more costs no blob", async () => {
    const store = newStore();
    const ref = await pull(store, "app:1", { base: open });
    assert.equal(ref?.digest, image.manifest.digest);
    const [root = ""] = readdirSync(store.roots);
    assert.equal(readFileSync(join(store.roots, root, "hello"), "utf8"), "world");
    const multi = await pull(store, "app:multi", { base: open });
    assert.deepEqual([multi?.digest, multi?.repoDigest], [image.manifest.digest, digestOf(index)]);
    const exact = await pull(store, `docker.io/library/app@${image.manifest.digest}`, { base: open });
    assert.equal(exact?.name, `app@${image.manifest.digest}`);
    assert.equal(readdirSync(store.blobs).length, 3);
    assert.deepEqual(readdirSync(store.ingest), []);
    assert.equal(await pull(store, "quay.io/team/app:1", { base: open }), undefined, "nobody said where quay.io is");
    await assert.rejects(pull(store, "app:2", { base: open }), /manifests\/2 is not found/);
    await assert.rejects(
      pull(store, "app:1", { base: "http://registry.example" }),
      /must be an https URL, or http on localhost/,
    );
  });

  test("Basic credentials", async () => {
    await assert.rejects(pull(newStore(), "team/app:1", { base: closed }), /wants credentials \(imagePullSecrets\)/);
    const wrong = [{ username: "user", password: "wrong" }];
    await assert.rejects(pull(newStore(), "team/app:1", { base: closed, credentials: wrong }), /are refused/);
    const ref = await pull(newStore(), "team/app:1", { base: closed, credentials: [...wrong, credential] });
    assert.equal(ref?.name, "team/app:1");
  });

  /** Hands on to the open registry. */
  async function front(
    answer: (
      path: string,
      headers: NodeJS.Dict<string | string[]>,
    ) => { status: number; headers?: Record<string, string>; body?: string } | undefined,
    spoil = (body: Buffer) => body,
  ) {
    const server: Server = createServer(async (request, response) => {
      const own = answer(request.url ?? "", request.headers);
      if (own) return void response.writeHead(own.status, own.headers).end(own.body);
      const inner = await fetch(`${open}${request.url}`, {
        headers: { accept: String(request.headers.accept ?? "*/*") },
      });
      const type = inner.headers.get("content-type") ?? "";
      response.writeHead(inner.status, { "content-type": type }).end(spoil(Buffer.from(await inner.arrayBuffer())));
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
  }

  test("Bearer tokens: anonymous first, then with credentials", async () => {
    const scopes: string[] = [];
    const { base, close } = await front((path, { authorization, host }) => {
      if (path.startsWith("/token")) {
        const known = authorization === `Basic ${Buffer.from("user:secret").toString("base64")}`;
        scopes.push(`${new URL(path, "http://x").searchParams.get("scope")} ${known}`);
        return { status: 200, body: JSON.stringify({ token: known ? "good" : "anonymous" }) };
      }
      if (authorization === "Bearer good") return undefined;
      const challenge = `Bearer realm="http://${host}/token",service="test",scope="repository:library/app:pull"`;
      return { status: 401, headers: { "www-authenticate": challenge } };
    });
    const ref = await pull(newStore(), "app:1", { base, credentials: [credential] });
    close();
    assert.equal(ref?.digest, image.manifest.digest);
    assert.deepEqual(scopes, ["repository:library/app:pull false", "repository:library/app:pull true"]);
  });

  test("content that has not its digest is refused and not kept", async () => {
    const { base, close } = await front(
      () => undefined,
      (body) => {
        if (body[0] === 0x1f) body[body.length - 1] = 1 + (body[body.length - 1] ?? 0);
        return body;
      },
    );
    const store = newStore();
    await assert.rejects(pull(store, "app:1", { base }), /has the content of sha256:/);
    close();
    assert.deepEqual([await store.listRefs(), readdirSync(store.roots), readdirSync(store.ingest)], [[], [], []]);
  });

  test("over the socket that agents ask at", async () => {
    const socket = join(directory, "images.sock");
    const log = createLog(() => undefined);
    const dataDir = join(directory, "service");
    const service = await startPullService(socket, { dataDir, mirrors: { "docker.io": open }, log });
    const wanted = { name: "app:1", credentials: [] };
    const answers = await Promise.all([askForPull(socket, wanted), askForPull(socket, wanted)]);
    assert.deepEqual(answers, Array(2).fill({ kind: "pulled", sizeBytes: image.layers[0]?.size }));
    assert.deepEqual(await askForPull(socket, { name: "ghcr.io/a/b", credentials: [] }), { kind: "unknown-registry" });
    assert.equal((await askForPull(socket, { name: "nope", credentials: [] })).kind, "failed");
    service.close();
    assert.equal((await askForPull(join(directory, "absent.sock"), wanted)).kind, "unknown-registry");
  });
});
