/** The pure parts: users, signals, credentials, where registries are. */
import assert from "node:assert/strict";
import test from "node:test";
import { parseSignal } from "./content/image-of-config.ts";
import { parseChallenge, parseMirror, splitRepository } from "./content/registry-url.ts";
import { findImageUser } from "./image-user.ts";
import { credentialsFor } from "./pull-secret.ts";

const files = { passwd: "root:x:0:0::/:/bin/sh\napp:x:7:8::/:/bin/sh\nbroken\n", group: "root:x:0:\nstaff:x:50:app\n" };
const users: readonly [string, string | undefined][] = [
  ["app", "7:8"],
  ["7", "7:8"],
  ["99", "99:0"],
  ["app:staff", "7:50"],
  ["99:51", "99:51"],
  [":staff", undefined],
  ["nobody", undefined],
  ["app:nobody", undefined],
];
for (const [text, want] of users) {
  test(`findImageUser("${text}")`, () => {
    const user = findImageUser(text, files);
    assert.equal(user && `${user.uid}:${user.gid}`, want);
  });
}

test("parseSignal() knows names, with and without SIG, and numbers", () => {
  assert.deepEqual(["SIGQUIT", "QUIT", "3", "SIGRTMIN+3", ""].map(parseSignal), [
    ...["SIGQUIT", "SIGQUIT", "SIGQUIT"],
    ...[undefined, undefined],
  ]);
});

test("credentialsFor() reads both kinds of Secrets and takes the registry's own entries only", () => {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64");
  const auths = {
    "https://index.docker.io/v1/": { auth: Buffer.from("me:pass:word").toString("base64") },
    "localhost:5000": { username: "a", password: "b" },
  };
  const data = { ".dockerconfigjson": encode({ auths }) };
  assert.deepEqual(credentialsFor("docker.io", data), [{ username: "me", password: "pass:word" }]);
  assert.deepEqual(credentialsFor("localhost:5000", { ".dockercfg": encode(auths) }), [
    { username: "a", password: "b" },
  ]);
  assert.deepEqual(credentialsFor("localhost", data), []);
  assert.deepEqual(credentialsFor("docker.io", { ".dockerconfigjson": "bm90IGpzb24=" }), []);
});

test("splitRepository() and parseMirror()", () => {
  const split = (repository: string) => Object.values(splitRepository({ repository })).join(" ");
  assert.deepEqual(["busybox", "team/app", "quay.io/team/app", "localhost/app", "localhost:5000/a/b"].map(split), [
    ...["docker.io library/busybox", "docker.io team/app", "quay.io team/app", "localhost app", "localhost:5000 a/b"],
  ]);
  assert.deepEqual(parseMirror("quay.io=https://mirror.example/"), ["quay.io", "https://mirror.example"]);
  assert.deepEqual(parseMirror("a=http://127.0.0.1:5000"), ["a", "http://127.0.0.1:5000"]);
  for (const text of ["quay.io", "=x", "a=http://10.0.0.1", "a=ftp://localhost", "a=nonsense"]) {
    assert.throws(() => parseMirror(text), /Cannot use the registry/);
  }
  assert.deepEqual(parseChallenge('Bearer realm="http://x/t",scope="a b"'), {
    scheme: "bearer",
    parameters: { realm: "http://x/t", scope: "a b" },
  });
});
