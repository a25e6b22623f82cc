/**
 * What the API server serves, as data: /api, /apis, /api/v1 and /apis/GROUP/VERSION, and aggregated discovery.
 * Source: Kubernetes "API Concepts", discovery; apidiscovery.k8s.io/v2.
 */
import type { Kind } from "./kind.ts";
import { apiVersionOf } from "./resource.ts";

/** The parts of a kind that discovery shows. */
export type Discovered = Pick<
  Kind,
  | "group"
  | "version"
  | "kind"
  | "plural"
  | "singular"
  | "namespaced"
  | "shortNames"
  | "categories"
  | "status"
  | "subresources"
  | "createOnly"
  | "lacks"
>;

const objectVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const verbsOf = ({ createOnly, lacks = [] }: Discovered): readonly string[] =>
  createOnly ? ["create"] : objectVerbs.filter((verb) => !lacks.includes(verb));
const statusVerbs = ["get", "patch", "update"];

interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

interface SubresourceFacts {
  readonly verbs: readonly string[];
  /** The kind that the subresource takes and gives; undefined: the object's own. */
  readonly type?: GroupVersionKind;
}

/** Subresources beside status, wherever they occur. */
const subresourceFacts: Readonly<Record<string, SubresourceFacts>> = {
  attach: { verbs: ["create", "get"], type: { group: "", version: "v1", kind: "PodAttachOptions" } },
  binding: { verbs: ["create"], type: { group: "", version: "v1", kind: "Binding" } },
  ephemeralcontainers: { verbs: statusVerbs },
  eviction: { verbs: ["create"], type: { group: "policy", version: "v1", kind: "Eviction" } },
  exec: { verbs: ["create", "get"], type: { group: "", version: "v1", kind: "PodExecOptions" } },
  finalize: { verbs: ["update"] },
  log: { verbs: ["get"] },
  portforward: { verbs: ["create", "get"], type: { group: "", version: "v1", kind: "PodPortForwardOptions" } },
  resize: { verbs: statusVerbs },
  scale: { verbs: statusVerbs, type: { group: "autoscaling", version: "v1", kind: "Scale" } },
  token: { verbs: ["create"], type: { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" } },
};
const proxyVerbs = ["create", "delete", "get", "patch", "update"];

interface Subresource {
  readonly name: string;
  readonly verbs: readonly string[];
  readonly type: GroupVersionKind;
}

function subresourcesOf(kind: Discovered): Subresource[] {
  const own = { group: kind.group, version: kind.version, kind: kind.kind };
  const proxyKind = { group: "", version: "v1", kind: `${kind.kind}ProxyOptions` };
  const names = [...kind.subresources, ...(kind.status ? ["status"] : [])].sort();
  return names.map((name) => {
    if (name === "status") return { name, verbs: statusVerbs, type: own };
    if (name === "proxy") return { name, verbs: proxyVerbs, type: proxyKind };
    const facts = subresourceFacts[name];
    return { name, verbs: facts?.verbs ?? ["get"], type: facts?.type ?? own };
  });
}

const byPlural = (a: Discovered, b: Discovered): number => (a.plural < b.plural ? -1 : 1);
const inGroup = (kinds: readonly Discovered[], group: string, version?: string): Discovered[] =>
  kinds.filter((kind) => kind.group === group && (version === undefined || kind.version === version)).sort(byPlural);

/** The named groups, in their order of first appearance, each with its versions. */
export function groupsOf(kinds: readonly Discovered[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { group, version } of kinds) {
    const versions = groups.get(group) ?? [];
    if (!versions.includes(version)) groups.set(group, [...versions, version]);
  }
  return groups;
}

/** GET /api. `serverAddress`: host and port as clients reach it. */
export function apiVersions(serverAddress: string) {
  return {
    kind: "APIVersions",
    versions: ["v1"],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress }],
  };
}

/** GET /apis/GROUP; undefined when there is no such group. */
export function apiGroup(kinds: readonly Discovered[], group: string) {
  const versions = (groupsOf(kinds).get(group) ?? []).map((version) => ({
    groupVersion: apiVersionOf({ group, version }),
    version,
  }));
  const [preferredVersion] = versions;
  if (!group || !preferredVersion) return undefined;
  return { kind: "APIGroup", apiVersion: "v1", name: group, versions, preferredVersion };
}

/** GET /apis. */
export function apiGroupList(kinds: readonly Discovered[]) {
  const groups = [...groupsOf(kinds).keys()].flatMap((group) => apiGroup(kinds, group) ?? []);
  return {
    kind: "APIGroupList",
    apiVersion: "v1",
    groups: groups.map(({ kind: _kind, apiVersion: _version, ...group }) => group),
  };
}

function apiResources(kind: Discovered) {
  const { plural, singular, namespaced, shortNames, categories } = kind;
  const own = {
    name: plural,
    singularName: singular,
    namespaced,
    kind: kind.kind,
    verbs: verbsOf(kind),
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
  };
  const below = subresourcesOf(kind).map(({ name, type, verbs: allowed }) => ({
    name: `${plural}/${name}`,
    singularName: "",
    namespaced,
    ...(type.group === kind.group && type.version === kind.version ? {} : { group: type.group, version: type.version }),
    kind: type.kind,
    verbs: allowed,
  }));
  return [own, ...below];
}

/** GET /api/v1 or /apis/GROUP/VERSION; undefined when there is no such version. */
export function apiResourceList(kinds: readonly Discovered[], group: string, version: string) {
  const served = inGroup(kinds, group, version);
  if (served.length === 0) return undefined;
  const resources = served.flatMap(apiResources);
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion: apiVersionOf({ group, version }), resources };
}

function discoveredResource(kind: Discovered) {
  const { group, version, plural, singular, namespaced, shortNames, categories } = kind;
  const subresources = subresourcesOf(kind).map(({ name, type, verbs: allowed }) => ({
    subresource: name,
    responseKind: type,
    verbs: allowed,
  }));
  return {
    resource: plural,
    responseKind: { group, version, kind: kind.kind },
    scope: namespaced ? "Namespaced" : "Cluster",
    singularResource: singular,
    verbs: verbsOf(kind),
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
    ...(subresources.length > 0 ? { subresources } : {}),
  };
}

/**
 * The answer to /api (`scope` "core") and /apis ("named") when the client takes
 * `application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList`, which is also the answer's content type.
 */
export function aggregatedDiscovery(kinds: readonly Discovered[], scope: "core" | "named") {
  const groups = [...groupsOf(kinds)].filter(([group]) => (group === "") === (scope === "core"));
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
    items: groups.map(([group, versions]) => ({
      metadata: group ? { name: group, creationTimestamp: null } : { creationTimestamp: null },
      versions: versions.map((version) => ({
        version,
        resources: inGroup(kinds, group, version).map(discoveredResource),
        freshness: "Current",
      })),
    })),
  };
}
