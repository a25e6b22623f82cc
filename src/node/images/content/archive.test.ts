import assert from "node:assert/strict";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import test, { after } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { dockerArchive, type FileEntry, type ImageParts, ociArchive, tarOf } from "../../testing/image-archive.ts";
import { machinePlatform } from "../loaded.ts";
import { loadArchive } from "./archive.ts";
import { collect } from "./collect.ts";
import { ContentStore } from "./content-store.ts";

const directory = mkdtempSync(join(tmpdir(), "fairlead-images-"));
after(() => rmSync(directory, { recursive: true, force: true }));
let stores = 0;
const newStore = () => new ContentStore(join(directory, String(stores++)));
const options = { platform: machinePlatform(), keepOwners: false };
const bytes = (archive: Buffer) => Readable.from([archive], { objectMode: false });

/** The root of an image with these layers. */
async function unpack(...layers: readonly (readonly FileEntry[])[]): Promise<string> {
  const store = newStore();
  const parts = { layers: layers.map((entries) => ({ tar: tarOf(entries) })) };
  const [ref] = await loadArchive(store, bytes(ociArchive(parts, "app:1")), options);
  const manifest = await store.readManifest(ref?.digest ?? "");
  return store.root(await store.readConfig(manifest));
}

const read = (root: string, path: string): string => readFileSync(join(root, path), "utf8");

test("loadArchive() takes OCI layouts and Docker's archives, plain and compressed, with layers by gzip and zstd", async () => {
  const tar = tarOf([{ path: "hello", content: "world" }]);
  const other = tarOf([{ path: "big", content: Buffer.alloc(3 << 20, 7) }]);
  const parts = {
    layers: [
      { tar, blob: gzipSync(tar) },
      { tar: other, blob: zstdCompressSync(other) },
    ],
  };
  const archives = [
    ociArchive(parts, "docker.io/library/app:1"),
    gzipSync(ociArchive(parts, "docker.io/library/app:1")),
    zstdCompressSync(dockerArchive(parts, ["app:1"])),
    dockerArchive({ layers: [{ tar }, { tar: other }] }, ["app:1"]),
  ];
  for (const archive of archives) {
    const store = newStore();
    const refs = await loadArchive(store, bytes(archive), options);
    assert.deepEqual(
      refs.map(({ name }) => name),
      ["app:1"],
    );
    const [root = ""] = readdirSync(store.roots);
    assert.equal(read(join(store.roots, root), "hello"), "world");
    assert.equal(statSync(join(store.roots, root, "big")).size, 3 << 20);
    assert.deepEqual(readdirSync(store.ingest), []);
    assert.equal((await store.findRef("app:1"))?.digest, refs[0]?.digest);
  }
});

test("layers: whiteouts, opaque folders, links, modes", async () => {
  const root = await unpack(
    [
      { path: "usr/bin/" },
      { path: "bin", linkpath: "usr/bin" },
      { path: "etc/old", content: "old" },
      { path: "cache/below/a", content: "a" },
      { path: "cache/b", content: "b" },
      { path: "file-then-folder", content: "x" },
      { path: "locked/", mode: 0o555 },
      { path: "locked/inside", content: "1", mode: 0o4755 },
    ],
    [
      { path: "bin/tool", content: "tool", mode: 0o755 },
      { path: "etc/.wh.old" },
      { path: "cache/new/c", content: "c" },
      { path: "cache/.wh..wh..opq" },
      { path: "file-then-folder/", type: "Directory" },
      { path: "file-then-folder/y", content: "y" },
      { path: "locked/again", content: "2" },
      { path: "same", type: "Link", linkpath: "usr/bin/tool" },
      { path: "tty", type: "CharacterDevice" },
    ],
  );
  assert.equal(readlinkSync(join(root, "bin")), "usr/bin");
  assert.equal(read(root, "usr/bin/tool"), "tool");
  assert.deepEqual(readdirSync(join(root, "etc")), []);
  assert.deepEqual(readdirSync(join(root, "cache")), ["new"]);
  assert.equal(read(root, "cache/new/c"), "c");
  assert.equal(read(root, "file-then-folder/y"), "y");
  assert.equal(statSync(join(root, "locked/inside")).mode & 0o7777, 0o4755);
  assert.equal(statSync(join(root, "locked")).mode & 0o7777, 0o755, "its owner can remove what is in it");
  assert.equal(read(root, "locked/again"), "2");
  assert.equal(statSync(join(root, "same")).ino, statSync(join(root, "usr/bin/tool")).ino);
  assert.equal(lstatSync(join(root, "tty"), { throwIfNoEntry: false }), undefined);
});

test("a layer cannot reach out of its root", async () => {
  const outside = join(directory, "outside");
  const hostile: readonly (readonly FileEntry[])[] = [
    [{ path: "../outside", content: "x" }],
    [{ path: "a/../../outside", content: "x" }],
    [{ path: "hard", type: "Link", linkpath: "../../../etc/passwd" }],
    [{ path: "a/.wh..." }],
    [{ path: "a/.wh.." }],
  ];
  for (const entries of hostile) await assert.rejects(unpack(entries), /Cannot unpack the layer/);
  // Links are followed as if the root were "/".
  const root = await unpack([
    { path: "way", linkpath: directory },
    { path: "up", linkpath: "../../../../.." },
    { path: "way/outside", content: "x" },
    { path: "up/outside", content: "y" },
  ]);
  assert.equal(lstatSync(outside, { throwIfNoEntry: false }), undefined);
  assert.equal(read(root, join(directory, "outside")), "x");
  assert.equal(read(root, "outside"), "y");
});

test("loadArchive() says in one sentence what is wrong", async () => {
  const tar = tarOf([{ path: "a" }]);
  const good = { layers: [{ tar }] };
  const damaged = ociArchive({ layers: [{ tar, blob: tarOf([{ path: "b" }]) }] }, "app:1");
  const cases: readonly [Buffer, RegExp][] = [
    [tarOf([{ path: "x" }]), /neither an OCI image layout nor what docker save writes/],
    [ociArchive(good), /gives it no name; say it with --name NAME/],
    [ociArchive({ ...good, architecture: "s390x" }, "app:1"), /on linux\/\w+: it is made for linux\/s390x/],
    [damaged, /Cannot unpack the layer sha256:/],
    [dockerArchive(good, ["App:1"]), /Cannot use the name "App:1"/],
    [Buffer.from("not a tar at all".repeat(100)), /./],
    [ociArchive(good, "app:1").subarray(0, 2048), /./],
  ];
  for (const [archive, message] of cases) {
    const store = newStore();
    await assert.rejects(loadArchive(store, bytes(archive), options), message);
    assert.deepEqual(await store.listRefs(), []);
    assert.deepEqual(readdirSync(store.ingest), []);
  }
  const [named] = await loadArchive(newStore(), bytes(ociArchive(good)), { ...options, name: "team/app" });
  assert.equal(named?.name, "team/app:latest");
});

test("collect() keeps what names and containers need, and nothing else", async () => {
  const store = newStore();
  const [shared, first, second] = ["shared", "first", "second"].map((path) => ({
    tar: tarOf([{ path, content: path }]),
  }));
  assert.ok(shared && first && second);
  const load = (layers: ImageParts["layers"], name: string) =>
    loadArchive(store, bytes(ociArchive({ layers }, name)), options);
  const [one] = await load([shared, first], "one:1");
  const [two] = await load([shared, second], "two:1");
  assert.ok(one && two);
  const count = () => [readdirSync(store.blobs).length, readdirSync(store.roots).length];
  const collectFor = (...inUse: string[]) => collect(store, { inUse: new Set(inUse), nowMs: Date.now() });
  assert.deepEqual(count(), [7, 2]);
  assert.equal(await collectFor(), 0);
  await store.removeRef(one);
  assert.equal(await collectFor(one.digest), 0, "a container runs by it");
  const loading = await store.makeIngest();
  assert.equal(await collectFor(), 0, "something is being loaded");
  rmSync(loading, { recursive: true });
  assert.ok((await collectFor()) > 0);
  assert.deepEqual(count(), [4, 1]);
  await store.removeRef(two);
  await collectFor();
  assert.deepEqual(count(), [0, 0]);
});
