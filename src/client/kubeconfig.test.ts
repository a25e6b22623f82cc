import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { loadKubeconfig } from "./kubeconfig.ts";

async function folder(t: TestContext, files: Record<string, string>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "kubeconfig-"));
  t.after(() => rm(dir, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
  return dir;
}

const config = ({
  cluster = "server: https://one:6443",
  user = "token: abc",
  context = "cluster: c, user: u",
  current = "current-context: x",
} = {}) =>
  `{apiVersion: v1, kind: Config, ${current}, clusters: [{name: c, cluster: {${cluster}}}], users: [{name: u, user: {${user}}}], contexts: [{name: x, context: {${context}}}]}`;

test("inline data, relative paths, server name, namespace", async (t) => {
  const data = Buffer.from("KEY").toString("base64");
  const text = config({
    cluster: "server: https://one:6443, certificate-authority: ca.pem, tls-server-name: kube",
    user: `client-certificate: cert.pem, client-key-data: ${data}`,
    context: "cluster: c, user: u, namespace: team",
  });
  const dir = await folder(t, { config: text, "ca.pem": "CA", "cert.pem": "CERT" });
  const { server, ca, cert, key, namespace, tlsServerName } = await loadKubeconfig(join(dir, "config"));
  const got = { server, ca, cert, key, namespace, tlsServerName };
  assert.deepEqual(got, {
    server: "https://one:6443",
    ca: "CA",
    cert: "CERT",
    key: "KEY",
    namespace: "team",
    tlsServerName: "kube",
  });
});

test("the first file of KUBECONFIG that sets a value wins, missing ones are skipped", async (t) => {
  const dir = await folder(t, { a: "current-context: x\n", b: config({ current: "current-context: y" }) });
  const env = { KUBECONFIG: ["none", "a", "b"].map((name) => join(dir, name)).join(":") };
  const { server, token } = await loadKubeconfig(undefined, { env });
  assert.deepEqual({ server, token }, { server: "https://one:6443", token: "abc" });
});

test("in a Pod: the service account", async (t) => {
  const dir = await folder(t, { token: "tok\n", "ca.crt": "CA", namespace: "ns" });
  const env = { HOME: dir, KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };
  const loaded = await loadKubeconfig(undefined, { env, serviceAccountDir: dir });
  assert.equal(loaded.server, "https://10.96.0.1:443");
  assert.equal(loaded.namespace, "ns");
  assert.equal(typeof loaded.token === "function" && (await loaded.token()), "tok");
});

const faults: { name: string; text: string; want: RegExp }[] = [
  { name: "no YAML", text: "{a: [", want: /it is no YAML/ },
  { name: "a list", text: "- a", want: /holds no mapping/ },
  { name: "no current-context", text: config({ current: "kind2: x" }), want: /no current-context/ },
  { name: "unknown context", text: config({ current: "current-context: z" }), want: /Cannot use context "z"/ },
  { name: "no server", text: config({ cluster: "a: b" }), want: /cluster "c" has no server/ },
  { name: "server is no URL", text: config({ cluster: "server: one" }), want: /"one" is no URL/ },
  { name: "unknown user", text: config({ context: "cluster: c, user: w" }), want: /does not have its user "w"/ },
  {
    name: "exec plugin",
    text: config({ user: "exec: {command: x}" }),
    want: /an exec plugin, which fairlead does not do/,
  },
  {
    name: "certificate without key",
    text: config({ user: "client-certificate-data: eA==" }),
    want: /both a client certificate and its key/,
  },
  {
    name: "missing CA file",
    text: config({ cluster: "server: https://one, certificate-authority: nope" }),
    want: /certificate-authority ".*nope": there is no such file/,
  },
];
for (const { name, text, want } of faults) {
  test(`refuses with one sentence: ${name}`, async (t) => {
    const dir = await folder(t, { config: text });
    await assert.rejects(loadKubeconfig(join(dir, "config")), want);
  });
}

test("refuses with one sentence: nothing there at all", async (t) => {
  const dir = await folder(t, {});
  await assert.rejects(
    loadKubeconfig(undefined, { env: { HOME: dir }, serviceAccountDir: dir }),
    /Cannot find an API server/,
  );
  await assert.rejects(loadKubeconfig(join(dir, "x")), /there is no such file/);
});
