/**
 * Writes src/api/schema.gen.json: the fields of every type that a served kind can hold, names and types only
 * (what each is for: describe-fields.ts).
 * In: the models of @kubernetes/client-node (their attributeTypeMap). A new kind is one more word in `roots`.
 * What the models do not say (merge keys, atomic lists, required fields, quantities) is in src/api/merge-keys.ts.
 */
import { writeFileSync } from "node:fs";
import * as models from "@kubernetes/client-node";
import { quantityFields } from "../src/api/merge-keys.ts";

interface Attribute {
  readonly baseName: string;
  readonly type: string;
  readonly format: string;
}

function withLists(...kinds: readonly string[]): string[] {
  return kinds.flatMap((kind) => [kind, `${kind}List`]);
}

/** A type belongs to the first package whose walk reaches it, so packages that others build on come first. */
const roots: readonly (readonly [packageName: string, ...classes: string[]])[] = [
  [
    "io.k8s.apimachinery.pkg.apis.meta.v1",
    "ObjectMeta",
    "ListMeta",
    "LabelSelector",
    "FieldSelectorRequirement",
    "Status",
    "DeleteOptions",
    "Condition",
  ],
  [
    "io.k8s.api.core.v1",
    ...withLists("Namespace", "Node", "Pod", "Service", "Endpoints", "Event", "ConfigMap", "Secret", "ServiceAccount"),
    ...withLists("ReplicationController", "PodTemplate", "LimitRange", "ResourceQuota"),
    ...withLists("PersistentVolume", "PersistentVolumeClaim"),
    "TopologySelectorTerm",
    "Binding",
    "ObjectReference",
    "PodTemplateSpec",
  ],
  ["io.k8s.api.discovery.v1", ...withLists("EndpointSlice")],
  ["io.k8s.api.apps.v1", ...withLists("Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "ControllerRevision")],
  ["io.k8s.api.coordination.v1", ...withLists("Lease")],
  ["io.k8s.api.autoscaling.v1", "Scale"],
  ["io.k8s.api.policy.v1", "Eviction", ...withLists("PodDisruptionBudget")],
  ["io.k8s.api.authentication.v1", "TokenRequest", "TokenReview", "SelfSubjectReview"],
  [
    "io.k8s.api.authorization.v1",
    "SubjectAccessReview",
    "LocalSubjectAccessReview",
    "SelfSubjectAccessReview",
    "SelfSubjectRulesReview",
  ],
  ["io.k8s.api.batch.v1", ...withLists("Job", "CronJob")],
  ["io.k8s.api.events.v1", ...withLists("Event")],
  ["io.k8s.api.networking.v1", ...withLists("Ingress", "IngressClass", "NetworkPolicy", "ServiceCIDR", "IPAddress")],
  ["io.k8s.api.node.v1", ...withLists("RuntimeClass")],
  ["io.k8s.api.rbac.v1", ...withLists("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")],
  ["io.k8s.api.scheduling.v1", ...withLists("PriorityClass")],
  ["io.k8s.api.storage.v1", ...withLists("StorageClass")],
  [
    "io.k8s.api.admissionregistration.v1",
    ...withLists("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"),
    ...withLists("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),
    ...withLists("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"),
  ],
  ["io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1", ...withLists("CustomResourceDefinition")],
];

const scalars: Readonly<Record<string, string>> = {
  string: "string",
  boolean: "boolean",
  any: "any",
  object: "any",
  Date: "time",
  V1MicroTime: "microtime",
  IntOrString: "intOrString",
  "string/byte": "bytes",
  "string/date-time": "time",
  "number/": "double",
  "number/int32": "int32",
  "number/int64": "int64",
  "number/double": "double",
};

const schemaNames = new Map<string, string>();
const tables = new Map<string, Record<string, string>>();

function attributesOf(className: string): readonly Attribute[] {
  const model: unknown = Reflect.get(models, className);
  if (typeof model !== "function") throw new TypeError(`Cannot read "${className}": the package has no such model`);
  return Reflect.get(model, "attributeTypeMap");
}

/** "Event" is CoreV1Event in one package and V1Service has no prefix: the first model that there is. */
function classOf(packageName: string, kind: string): string {
  const group = packageName.split(".").at(-2) ?? "";
  const prefixed = `${group[0]?.toUpperCase()}${group.slice(1)}V1${kind}`;
  return Reflect.has(models, prefixed) ? prefixed : `V1${kind}`;
}

/** `Array<X>` → "[]X", `{ [key: string]: X; }` → "{}X", a model → its schema name (walked as well), a scalar → its word. */
function typeOf(packageName: string, type: string, format: string): string {
  const list = /^Array<(.*)>$/.exec(type);
  if (list?.[1]) return `[]${typeOf(packageName, list[1], format)}`;
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type);
  if (map?.[1]) return `{}${typeOf(packageName, map[1], format)}`;
  const scalar = scalars[`${type}/${format}`] ?? scalars[type];
  return scalar ?? walk(packageName, type);
}

function walk(packageName: string, className: string): string {
  const known = schemaNames.get(className);
  if (known) return known;
  const short = className.replace(/^(?:[A-Z][a-z]+)?V1(?=[A-Z])/, "");
  const name = `${packageName}.${short}`;
  schemaNames.set(className, name);
  const fields: Record<string, string> = {};
  for (const { baseName, type, format } of attributesOf(className)) {
    const found = typeOf(packageName, type, format);
    fields[baseName] = quantityFields[name]?.includes(baseName) ? found.replace(/string$/, "quantity") : found;
  }
  tables.set(name, fields);
  return name;
}

for (const [packageName, ...kinds] of roots) for (const kind of kinds) walk(packageName, classOf(packageName, kind));

function write(path: string, table: ReadonlyMap<string, Record<string, string>>): void {
  const lines = [...table]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, fields]) => `  ${JSON.stringify(name)}: ${JSON.stringify(fields)}`);
  writeFileSync(new URL(path, import.meta.url), `{\n${lines.join(",\n")}\n}\n`);
}
write("../src/api/schema.gen.json", tables);
