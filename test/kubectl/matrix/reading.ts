/** get, describe, explain, events, and what tells of the server. */
import assert from "node:assert/strict";
import type { Command, Session } from "./command.ts";
import { configMap, eventOf, everyKind, listOf, widget } from "./manifests.ts";

const chunks = Array.from({ length: 12 }, (_, index) => JSON.parse(configMap(`chunk-${index}`)) as object);

/** "services", "deployments.apps", … that can be listed. */
async function listable({ ok }: Session): Promise<string[]> {
  return (await ok("api-resources --verbs=list -o name")).trim().split("\n");
}

async function watched(session: Session, flags: string, wanted: RegExp): Promise<void> {
  const watching = session.run(`get cm chunk-1 ${flags} --request-timeout=4s`.split(" "));
  for (let turn = 0; turn < 8; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 400));
    await session.ok(`annotate cm chunk-1 turn=${turn} --overwrite`);
  }
  assert.match((await watching).out, wanted);
}

export const reading: readonly Command[] = [
  {
    name: "create -f (every kind)",
    async run({ ok }) {
      await ok("create namespace all");
      const out = await ok("create -n all -f -", { input: listOf(everyKind) });
      assert.equal(out.match(/ created$/gm)?.length, everyKind.length);
      await ok("wait --for=condition=Established crd/widgets.example.com --timeout=10s");
      await ok("create -f -", { input: widget });
      await ok("create -f -", { input: listOf(chunks) });
    },
  },
  {
    name: "get",
    run: async ({ ok }) => assert.match(await ok("get svc -n all"), /^one +ClusterIP +10\.96\.\S+ +<none> +80\/TCP /m),
  },
  {
    name: "get (every kind)",
    async run(session) {
      const resources = await listable(session);
      const tables = (await session.ok(`get ${resources.join()} -A`)).trim().split(/\n\s*\n/);
      assert.ok(tables.every((table) => /^(NAMESPACE|NAME|LAST) /.test(table)));
      assert.equal(tables.length, resources.length);
    },
  },
  {
    name: "get -o wide",
    run: async ({ ok }) => assert.match(await ok("get svc -n all -o wide"), /SELECTOR\n.* app=web$/m),
  },
  {
    name: "get -o yaml",
    run: async ({ ok }) => assert.match(await ok("get svc one -n all -o yaml"), /^ {2}clusterIP: /m),
  },
  {
    name: "get -o json",
    run: async ({ ok }) => assert.equal(JSON.parse(await ok("get svc -n all -o json")).items[0].kind, "Service"),
  },
  { name: "get -o name", run: async ({ ok }) => assert.equal(await ok("get svc -n all -o name"), "service/one\n") },
  {
    name: "get -o jsonpath",
    run: async ({ ok }) => assert.equal(await ok("get svc one -n all -o jsonpath={.spec.ports[0].port}"), "80"),
  },
  {
    name: "get -o custom-columns",
    run: async ({ ok }) =>
      assert.match(
        await ok("get svc -n all -o custom-columns=P:.spec.ports[0].port,N:.metadata.name"),
        /^P +N\n80 +one\n$/,
      ),
  },
  {
    name: "get -o go-template",
    run: async ({ ok }) => assert.equal(await ok("get svc one -n all -o go-template={{.metadata.name}}"), "one"),
  },
  {
    name: "get --sort-by",
    async run({ ok }) {
      assert.match(await ok("get cm --sort-by=.metadata.name -o name"), /chunk-0\n[\s\S]*chunk-3\n[\s\S]*chunk-9\n/);
      assert.match(await ok("get cm --sort-by=.metadata.creationTimestamp"), /^NAME +DATA +AGE\n/);
    },
  },
  {
    name: "get --chunk-size",
    run: async ({ ok }) => assert.equal((await ok("get cm --chunk-size=5 -o name")).match(/chunk-/g)?.length, 12),
  },
  {
    name: "get -l, --field-selector",
    async run({ ok }) {
      assert.equal(await ok("get svc -A -l app=web -o name"), "service/one\n");
      assert.equal(await ok("get cm --field-selector metadata.name=chunk-3 -o name"), "configmap/chunk-3\n");
    },
  },
  {
    name: "get --show-labels, -L",
    async run({ ok }) {
      assert.match(await ok("get svc -n all --show-labels"), /LABELS\n.* app=web$/m);
      assert.match(await ok("get svc -n all -L app"), /APP\n.* web$/m);
    },
  },
  {
    name: "get --show-kind",
    run: async ({ ok }) => assert.match(await ok("get svc -n all --show-kind"), /^service\/one /m),
  },
  {
    name: "get --show-managed-fields",
    run: async ({ ok }) =>
      assert.match(await ok("get svc one -n all -o yaml --show-managed-fields"), /manager: kubectl-create/),
  },
  {
    name: "get all -A",
    run: async ({ ok }) =>
      assert.match(await ok("get all -A"), /^all +deployment\.apps\/one +0\/0 [\s\S]*^all +widget\.example\.com\/one/m),
  },
  {
    name: "get (several, by name)",
    run: async ({ ok }) =>
      assert.match(await ok("get -n all svc/one deploy/one"), /service\/one[\s\S]*deployment\.apps\/one/),
  },
  {
    name: "get --ignore-not-found",
    run: async ({ ok }) => assert.equal(await ok("get svc absent --ignore-not-found"), ""),
  },
  {
    name: "get (not found)",
    run: async ({ fails }) =>
      assert.equal(await fails("get svc absent"), 'Error from server (NotFound): services "absent" not found'),
  },
  {
    name: "get --subresource",
    run: async ({ ok }) => assert.match(await ok("get deploy one -n all --subresource=scale"), /^one +0 +0 /m),
  },
  { name: "get --raw", run: async ({ ok }) => assert.equal(await ok("get --raw /readyz"), "ok") },
  { name: "get -w", run: (session) => watched(session, "-w", /(^chunk-1 +0 +\S+\n){2}/m) },
  { name: "get --watch-only", run: (session) => watched(session, "--watch-only", /^chunk-1 +0/m) },
  {
    name: "get -w --output-watch-events",
    run: (session) => watched(session, "-w --output-watch-events", /^ADDED +chunk-1[\s\S]*^MODIFIED +chunk-1/m),
  },
  { name: "get -w -o json", run: (session) => watched(session, "-w -o json", /"turn": "[1-9]"/) },
  {
    name: "get (custom resource)",
    run: async ({ ok }) => assert.match(await ok("get widgets -n all"), /^NAME +SIZE\none +3$/m),
  },
  {
    name: "describe (every kind)",
    async run(session) {
      // Before 1.33 kubectl describes two kinds by versions of the API that are gone.
      const gone = session.minor < 33 ? /^(ipaddresses|servicecidrs)\./ : /^$/;
      const resources = (await listable(session)).filter((resource) => !gone.test(resource));
      const text = await session.ok(`describe ${resources.join()} -A`);
      for (const name of ["one", "two", "cluster-admin", "widgets.example.com", "kube-system"])
        assert.match(text, new RegExp(`^Name: +${name}$`, "m"));
      assert.ok((text.match(/^Name: /gm)?.length ?? 0) >= resources.length);
    },
  },
  {
    name: "describe (with events)",
    async run({ ok }) {
      const { uid } = JSON.parse(await ok("get svc one -n all -o json")).metadata;
      const event = eventOf({ apiVersion: "v1", kind: "Service", namespace: "all", name: "one", uid }, "two");
      await ok("create -n all -f -", { input: JSON.stringify(event) });
      assert.match(await ok("describe svc one -n all"), /Events:[\s\S]*Tried[\s\S]*It was tried/);
    },
  },
  {
    name: "describe -l",
    run: async ({ ok }) => assert.match(await ok("describe svc -A -l app=web"), /^Selector: +app=web$/m),
  },
  {
    name: "events",
    run: async ({ ok }) => assert.match(await ok("events -n all"), /Normal +Tried +Service\/one +It was tried/),
  },
  {
    name: "events --for",
    run: async ({ ok }) => assert.match(await ok("events -n all --for=svc/one --types=Normal"), /Tried/),
  },
  {
    name: "get events",
    run: async ({ ok }) => assert.match(await ok("get events -n all"), /Tried +service\/one +It was tried/),
  },
  {
    name: "explain (every kind, --recursive)",
    async run({ ok }) {
      for (const line of (await ok("api-resources --no-headers")).trim().split("\n")) {
        const [plural = "", ...rest] = line.split(/ +/);
        const apiVersion = rest.find((word) => /^([\w.-]+\/)?v\d/.test(word)) ?? "";
        assert.match(await ok(`explain ${plural} --api-version=${apiVersion} --recursive`), /FIELDS:\n +\w/, plural);
      }
    },
  },
  {
    name: "explain (a field)",
    async run({ ok }) {
      assert.match(await ok("explain service.spec.ports.nodePort"), /nodePort <integer>[\s\S]*DESCRIPTION:\n +\w+/);
      assert.match(await ok("explain widget.spec.size --api-version=example.com/v1"), /How big it is\./);
    },
  },
  {
    name: "api-resources",
    async run({ ok }) {
      assert.match(await ok("api-resources"), /^endpointslices +discovery\.k8s\.io\/v1 +true +EndpointSlice$/m);
      assert.match(
        await ok("api-resources -o wide --namespaced=false --api-group="),
        /^nodes +no +v1 +false +Node +create,/m,
      );
    },
  },
  { name: "api-versions", run: async ({ ok }) => assert.match(await ok("api-versions"), /^apps\/v1$[\s\S]*^v1$/m) },
  {
    name: "version",
    run: async ({ ok }) => assert.match(await ok("version -o json"), /"gitVersion": "v1\.36\.0\+fairlead/),
  },
  {
    name: "cluster-info",
    run: async ({ ok }) => assert.match(await ok("cluster-info"), /control plane.* is running at/),
  },
  {
    name: "cluster-info dump",
    run: async ({ ok }) => assert.match(await ok("cluster-info dump -A"), /"kind": "ServiceList"/),
  },
  {
    name: "config view",
    run: async ({ ok }) => assert.match(await ok("config view --minify"), /server: https:\/\/127\.0\.0\.1/),
  },
];
