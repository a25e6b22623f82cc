import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { kubeconfigOf } from "../apiserver/kubeconfig.ts";
import { addContext, contextServers, kubeconfigPath, removeContext } from "./kubeconfig-file.ts";

const dir = mkdtempSync(join(tmpdir(), "fairlead-kubeconfig-"));
after(() => rmSync(dir, { recursive: true, force: true }));

const entries = (name: string, server = "https://127.0.0.1:6443") =>
  kubeconfigOf({ server, ca: "ca", credential: { certificate: "certificate", key: "key" }, name });

const others = `# mine
apiVersion: v1
kind: Config
current-context: work
clusters:
  - name: work # the one that matters
    cluster: { server: https://192.0.2.1 }
contexts:
  - name: work
    context: { cluster: work, user: me }
users:
  - name: me
    user: { token: secret }
`;

describe("addContext() and removeContext()", () => {
  test("a file that is not there is made, mode 0600", () => {
    const path = join(dir, "new", "config");
    addContext(path, entries("fairlead"));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual([...contextServers(path)], [["fairlead", "https://127.0.0.1:6443"]]);
    removeContext(path, "fairlead");
    assert.deepEqual([...contextServers(path)], []);
  });

  test("what others wrote stays, comments too", () => {
    const path = join(dir, "others");
    writeFileSync(path, others);
    addContext(path, entries("fairlead"));
    assert.match(readFileSync(path, "utf8"), /current-context: fairlead/);
    removeContext(path, "fairlead");
    const text = readFileSync(path, "utf8");
    assert.match(text, /^# mine/);
    assert.match(text, /# the one that matters/);
    assert.deepEqual([...contextServers(path)], [["work", "https://192.0.2.1"]]);
  });

  test("the same name again replaces its entries", () => {
    const path = join(dir, "again");
    addContext(path, entries("fairlead"));
    addContext(path, entries("fairlead", "https://127.0.0.1:7000"));
    assert.deepEqual([...contextServers(path)], [["fairlead", "https://127.0.0.1:7000"]]);
  });

  test("a file that is no kubeconfig stays as it is", () => {
    const path = join(dir, "broken");
    writeFileSync(path, "a: [b\n");
    assert.throws(() => addContext(path, entries("fairlead")), /Cannot use the kubeconfig ".*broken": it is not YAML/);
    assert.equal(readFileSync(path, "utf8"), "a: [b\n");
    assert.equal(existsSync(`${path}.lock`), false);
  });

  test("a lock of somebody else is respected", () => {
    const path = join(dir, "locked");
    writeFileSync(`${path}.lock`, "");
    assert.throws(() => addContext(path, entries("fairlead")), /another program writes it/);
    assert.equal(existsSync(path), false);
  });
});

test("kubeconfigPath() takes the option, then KUBECONFIG's first file", () => {
  assert.equal(kubeconfigPath("/a/b", { KUBECONFIG: "/c" }), "/a/b");
  assert.equal(kubeconfigPath(undefined, { KUBECONFIG: ":/c:/d" }), "/c");
  assert.match(kubeconfigPath(undefined, {}), /\/\.kube\/config$/);
});
