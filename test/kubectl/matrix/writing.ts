/** apply, diff, edit, replace, patch, label, annotate, delete, wait. */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command, Session } from "./command.ts";
import { configMap, web } from "./manifests.ts";

const data = ({ ok }: Session, name: string): Promise<string> => ok(`get cm ${name} -o jsonpath={.data.a}`);
const merge = (name: string, patch: object): string[] => [
  "patch",
  "cm",
  name,
  "--type=merge",
  "-p",
  JSON.stringify(patch),
];

/** Changes while `waiting` waits. */
async function meanwhile(waiting: Promise<string>, change: () => Promise<unknown>, wanted: RegExp): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 300));
  await change();
  assert.match(await waiting, wanted);
}

export const writing: readonly Command[] = [
  {
    name: "apply",
    async run({ ok }) {
      assert.equal(await ok("apply -f -", { input: web(0) }), "deployment.apps/web created\n");
      assert.equal(await ok("apply -f -", { input: web(0) }), "deployment.apps/web unchanged\n");
      assert.equal(await ok("apply -f -", { input: web(1) }), "deployment.apps/web configured\n");
    },
  },
  {
    name: "apply --dry-run=client, server",
    async run({ ok }) {
      assert.match(await ok("apply --dry-run=client -f -", { input: web(5) }), /configured \(dry run\)/);
      assert.match(await ok("apply --dry-run=server -f -", { input: web(5) }), /configured \(server dry run\)/);
      assert.equal(await ok("get deploy web -o jsonpath={.spec.replicas}"), "1");
    },
  },
  {
    name: "apply (unknown field)",
    async run({ fails, ok }) {
      const input = web(1).replace('"image"', '"imgae"');
      assert.match(
        await fails("apply -f -", { input }),
        /strict decoding error: unknown field "spec\.template\.spec\.containers\[0\]\.imgae"/,
      );
      const warned = await ok("apply --validate=false --dry-run=client -f -", { input });
      assert.match(warned, /configured/);
    },
  },
  {
    name: "apply --server-side",
    run: async ({ ok }) =>
      assert.equal(
        await ok("apply --server-side -f -", { input: configMap("ssa", { a: "1" }) }),
        "configmap/ssa serverside-applied\n",
      ),
  },
  {
    name: "apply --server-side (conflict, --force-conflicts)",
    async run(session) {
      const other = { input: configMap("ssa", { a: "2" }) };
      const said = await session.fails("apply --server-side --field-manager=other -f -", other);
      assert.match(said, /conflict with "kubectl": \.data\.a/);
      await session.ok("apply --server-side --field-manager=other --force-conflicts -f -", other);
      assert.equal(await data(session, "ssa"), "2");
    },
  },
  {
    name: "apply --server-side --dry-run=server",
    run: async ({ ok }) => {
      const input = configMap("ssa", { b: "2" });
      assert.match(
        await ok("apply --server-side --dry-run=server -f -", { input }),
        /serverside-applied \(server dry run\)/,
      );
    },
  },
  {
    name: "apply (client-side to server-side)",
    async run(session) {
      await session.ok("apply -f -", { input: configMap("moved", { a: "1", b: "1" }) });
      await session.ok("apply --server-side -f -", { input: configMap("moved", { a: "1" }) });
      assert.equal(await session.ok("get cm moved -o jsonpath={.data}"), '{"a":"1"}');
    },
  },
  {
    name: "apply --prune --prune-allowlist",
    async run({ ok }) {
      const set = (name: string): string => configMap(name, {}, { labels: { set: "p" } });
      await ok("apply -f -", { input: set("prune-a") + set("prune-b") });
      const flags = "--prune -l set=p --prune-allowlist=core/v1/ConfigMap";
      assert.match(await ok(`apply ${flags} -f -`, { input: set("prune-a") }), /configmap\/prune-b pruned/);
      assert.equal(await ok("get cm -l set=p -o name"), "configmap/prune-a\n");
    },
  },
  {
    name: "apply --prune --applyset",
    since: 27,
    async run({ ok }) {
      const env = { KUBECTL_APPLYSET: "true" };
      const flags = "-n default --server-side --prune --applyset=configmaps/set -f -";
      await ok(`apply ${flags}`, { input: configMap("set-a") + configMap("set-b"), env });
      assert.match(await ok(`apply ${flags}`, { input: configMap("set-a"), env }), /configmap\/set-b pruned/);
      assert.equal(await ok("get cm set-b --ignore-not-found"), "");
    },
  },
  {
    name: "apply -k",
    async run({ ok, dir }) {
      await mkdir(join(dir, "k"), { recursive: true });
      const text =
        "namePrefix: k-\nconfigMapGenerator:\n- name: made\n  literals: [a=b]\n  options: {disableNameSuffixHash: true}\n";
      await writeFile(join(dir, "k", "kustomization.yaml"), text);
      assert.equal(await ok("apply -k k"), "configmap/k-made created\n");
    },
  },
  {
    name: "apply view-last-applied, set-last-applied",
    async run({ ok }) {
      assert.match(await ok("apply view-last-applied deploy/web"), /replicas: 1/);
      assert.match(await ok("apply set-last-applied -f -", { input: web(1) }), /configured|unset/);
    },
  },
  {
    name: "diff",
    async run({ run }) {
      const same = await run(["diff", "-f", "-"], { input: web(1) });
      const other = await run(["diff", "-f", "-"], { input: web(7) });
      assert.deepEqual([same.code, other.code], [0, 1], same.out);
      assert.match(other.out, /^\+ {2}replicas: 7$/m);
    },
  },
  {
    name: "diff --server-side",
    async run({ run }) {
      const same = await run(["diff", "--server-side", "--field-manager=other", "-f", "-"], {
        input: configMap("ssa", { a: "2" }),
      });
      const args = ["diff", "--server-side", "--force-conflicts", "-f", "-"];
      const other = await run(args, { input: configMap("ssa", { a: "9" }) });
      assert.deepEqual([same.code, other.code], [0, 1], same.out + same.err + other.err);
      assert.match(other.out, /^\+ {2}a: "9"$/m);
    },
  },
  {
    name: "edit",
    async run(session) {
      await session.ok("create -f -", { input: configMap("edited", { a: "old" }) });
      await session.ok("edit cm edited", { env: { KUBE_EDITOR: "sed -i s/old/new/" } });
      assert.equal(await data(session, "edited"), "new");
      const bad = await session.run(["edit", "cm", "edited"], { env: { KUBE_EDITOR: "sed -i s/^data:/daat:/" } });
      assert.notEqual(bad.code, 0);
    },
  },
  {
    name: "replace",
    async run(session) {
      const options = { input: configMap("edited", { a: "replaced" }) };
      assert.equal(await session.ok("replace -f -", options), "configmap/edited replaced\n");
      assert.equal(await data(session, "edited"), "replaced");
    },
  },
  {
    name: "replace --force",
    async run(session) {
      const uid = "get cm edited -o jsonpath={.metadata.uid}";
      const before = await session.ok(uid);
      await session.ok("replace --force -f -", { input: configMap("edited", { a: "forced" }) });
      assert.equal(await data(session, "edited"), "forced");
      assert.notEqual(await session.ok(uid), before);
    },
  },
  {
    name: "patch (strategic)",
    async run({ does, ok }) {
      const spec = { template: { spec: { containers: [{ name: "more", image: "busybox" }] } } };
      await does(["patch", "deploy", "web", "-p", JSON.stringify({ spec })]);
      assert.equal(await ok("get deploy web -o jsonpath={.spec.template.spec.containers[*].name}"), "more c");
    },
  },
  {
    name: "patch --type=merge",
    async run(session) {
      await session.does(merge("edited", { data: { a: "merged" } }));
      assert.equal(await data(session, "edited"), "merged");
    },
  },
  {
    name: "patch --type=json",
    async run(session) {
      const patch = [{ op: "replace", path: "/data/a", value: "json" }];
      await session.does(["patch", "cm", "edited", "--type=json", "-p", JSON.stringify(patch)]);
      assert.equal(await data(session, "edited"), "json");
      const test = [{ op: "test", path: "/data/a", value: "other" }];
      assert.match(await session.fails(`patch cm edited --type=json -p ${JSON.stringify(test)}`), /test failed/);
    },
  },
  {
    name: "patch --subresource=status, scale",
    async run({ does, ok }) {
      const status = { status: { done: true } };
      await does([
        "patch",
        "widget",
        "one",
        "-n",
        "all",
        "--subresource=status",
        "--type=merge",
        "-p",
        JSON.stringify(status),
      ]);
      assert.equal(await ok("get widget one -n all -o jsonpath={.status.done}"), "true");
      await does(["patch", "deploy", "web", "--subresource=scale", "--type=merge", "-p", '{"spec":{"replicas":2}}']);
      assert.equal(await ok("get deploy web -o jsonpath={.spec.replicas}"), "2");
    },
  },
  {
    name: "label, annotate",
    async run({ ok, fails }) {
      await ok("label cm edited tier=back");
      assert.match(await fails("label cm edited tier=front"), /--overwrite is false/);
      await ok("label cm edited tier=front --overwrite");
      await ok("annotate cm edited note=x");
      assert.equal(await ok("get cm edited -o jsonpath={.metadata.labels.tier}{.metadata.annotations.note}"), "frontx");
      await ok("label cm edited tier-");
      assert.equal(await ok("get cm edited -o jsonpath={.metadata.labels}"), "");
    },
  },
  {
    name: "wait --for=condition",
    run: async ({ ok }) =>
      assert.match(await ok("wait --for=condition=Established crd/widgets.example.com --timeout=5s"), /condition met/),
  },
  {
    name: "wait --for=jsonpath",
    run: (session) =>
      meanwhile(
        session.ok("wait --for=jsonpath={.data.done}=yes cm/edited --timeout=10s"),
        () => session.does(merge("edited", { data: { done: "yes" } })),
        /^configmap\/edited condition met/,
      ),
  },
  {
    name: "wait --for=delete",
    run: (session) =>
      meanwhile(
        session.ok("wait --for=delete cm/edited --timeout=10s"),
        () => session.ok("delete cm edited"),
        /^configmap\/edited condition met/,
      ),
  },
  {
    name: "wait --for=create",
    since: 31,
    run: (session) =>
      meanwhile(
        session.ok("wait --for=create cm/late --timeout=10s"),
        () => session.ok("create cm late"),
        /^configmap\/late condition met/,
      ),
  },
  {
    name: "delete",
    async run({ ok }) {
      assert.match(await ok("delete cm ssa"), /^configmap "ssa" deleted/);
      assert.match(await ok("delete -f -", { input: configMap("moved") }), /^configmap "moved" deleted/);
      assert.equal(await ok("delete cm absent --ignore-not-found"), "");
    },
  },
  {
    name: "delete --dry-run=server",
    async run({ ok }) {
      assert.match(await ok("delete cm chunk-0 --dry-run=server"), /deleted.*\(server dry run\)/);
      assert.equal(await ok("get cm chunk-0 -o name"), "configmap/chunk-0\n");
    },
  },
  {
    name: "delete -l, --all",
    async run({ ok }) {
      assert.match(await ok("delete cm -l set=p"), /configmap "prune-a" deleted/);
      assert.match(await ok("delete cm --all"), /configmap "chunk-11" deleted/);
    },
  },
  {
    name: "delete --cascade=orphan",
    async run({ ok }) {
      await ok("wait --for=jsonpath={.status.replicas}=2 deploy/web --timeout=20s");
      await ok("delete deploy web --cascade=orphan");
      assert.match(await ok("get rs -l app=web -o name"), /^replicaset\.apps\/web-/);
    },
  },
  {
    name: "delete --cascade=foreground",
    async run({ ok }) {
      assert.match(await ok("delete rs -l app=web --cascade=foreground --timeout=20s"), /deleted/);
      assert.equal(await ok("get pods -l app=web -o name --ignore-not-found"), "");
    },
  },
  {
    name: "delete --force --grace-period=0",
    async run({ ok }) {
      await ok("run forced --image=busybox");
      assert.match(await ok("delete pod forced --force --grace-period=0"), /force(d|fully) |deleted/);
    },
  },
  {
    name: "delete namespace",
    async run({ ok }) {
      assert.match(await ok("delete ns all --timeout=25s"), /namespace "all" deleted/);
      assert.equal(await ok("get ns all --ignore-not-found"), "");
    },
  },
];
