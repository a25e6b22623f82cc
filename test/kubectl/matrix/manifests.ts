/** What the matrix works on: one object of every kind that can be made, and a few that change. */

const meta = (name: string, more: object = {}) => ({ name, labels: { app: "web" }, ...more });
const container = { name: "c", image: "busybox" };
const template = { metadata: { labels: { app: "web" } }, spec: { containers: [container] } };
const once = { spec: { containers: [container], restartPolicy: "Never" } };
const selector = { matchLabels: { app: "web" } };

function object(apiVersion: string, kind: string, name: string, rest: object = {}): object {
  return { apiVersion, kind, metadata: meta(name), ...rest };
}

const rbac = "rbac.authorization.k8s.io";
const roleRef = (kind: string) => ({ roleRef: { apiGroup: rbac, kind, name: "one" } });
const rules = [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }];
const subjects = [{ kind: "User", apiGroup: rbac, name: "jane" }];

const admission = "admissionregistration.k8s.io/v1";
/** Of a webhook that nobody's objects go to. */
const webhooks = [
  {
    name: "one.example.com",
    clientConfig: { url: "https://127.0.0.1:1/" },
    rules: [{ apiGroups: ["example.com"], apiVersions: ["v9"], operations: ["CREATE"], resources: ["nothings"] }],
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
  },
];

export function eventOf(involvedObject: object, name = "one"): object {
  return object("v1", "Event", name, { involvedObject, reason: "Tried", message: "It was tried", type: "Normal" });
}

/** Of every kind that a user can make, in namespace "all" where the kind has one. */
export const everyKind: readonly object[] = [
  object("v1", "ConfigMap", "one", { data: { a: "1" } }),
  object("v1", "Secret", "one", { stringData: { a: "1" } }),
  object("v1", "ServiceAccount", "one"),
  object("v1", "Service", "one", { spec: { selector: { app: "web" }, ports: [{ port: 80 }] } }),
  object("v1", "Endpoints", "two", { subsets: [{ addresses: [{ ip: "192.0.2.1" }], ports: [{ port: 80 }] }] }),
  eventOf({ apiVersion: "v1", kind: "Service", namespace: "all", name: "one" }),
  // With a label of its own: no selector takes it up.
  {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "one", labels: { own: "yes" } },
    spec: { containers: [container] },
  },
  object("v1", "PodTemplate", "one", { template }),
  object("v1", "ReplicationController", "one", { spec: { replicas: 0, selector: { app: "web" }, template } }),
  object("v1", "ResourceQuota", "one", { spec: { hard: { secrets: "100" } } }),
  object("v1", "LimitRange", "one", { spec: { limits: [{ type: "Container", default: { cpu: "1" } }] } }),
  object("v1", "PersistentVolume", "one", {
    spec: { accessModes: ["ReadWriteOnce"], capacity: { storage: "1Gi" }, hostPath: { path: "/x" } },
  }),
  object("v1", "PersistentVolumeClaim", "one", {
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  }),
  object("apps/v1", "Deployment", "one", { spec: { replicas: 0, selector, template } }),
  object("apps/v1", "ReplicaSet", "one", { spec: { replicas: 0, selector, template } }),
  object("apps/v1", "StatefulSet", "one", { spec: { replicas: 0, serviceName: "one", selector, template } }),
  object("apps/v1", "DaemonSet", "one", {
    spec: { selector, template: { ...template, spec: { ...template.spec, nodeSelector: { none: "here" } } } },
  }),
  object("apps/v1", "ControllerRevision", "one", { revision: 1, data: {} }),
  object("batch/v1", "Job", "one", { spec: { suspend: true, template: once } }),
  object("batch/v1", "CronJob", "one", { spec: { schedule: "0 0 1 1 *", jobTemplate: { spec: { template: once } } } }),
  object("discovery.k8s.io/v1", "EndpointSlice", "two", {
    addressType: "IPv4",
    endpoints: [{ addresses: ["192.0.2.1"] }],
    ports: [{ port: 80 }],
  }),
  object("networking.k8s.io/v1", "Ingress", "one", {
    spec: { defaultBackend: { service: { name: "one", port: { number: 80 } } } },
  }),
  object("networking.k8s.io/v1", "IngressClass", "one", { spec: { controller: "example.com/lb" } }),
  object("networking.k8s.io/v1", "NetworkPolicy", "one", { spec: { podSelector: {} } }),
  object("coordination.k8s.io/v1", "Lease", "one", { spec: { holderIdentity: "me" } }),
  object("policy/v1", "PodDisruptionBudget", "one", { spec: { minAvailable: 1, selector } }),
  object("node.k8s.io/v1", "RuntimeClass", "one", { handler: "plain" }),
  object("scheduling.k8s.io/v1", "PriorityClass", "one", { value: 10 }),
  object("storage.k8s.io/v1", "StorageClass", "one", { provisioner: "example.com/disk" }),
  object(`${rbac}/v1`, "Role", "one", { rules }),
  object(`${rbac}/v1`, "RoleBinding", "one", { ...roleRef("Role"), subjects }),
  object(`${rbac}/v1`, "ClusterRole", "one", { rules }),
  object(`${rbac}/v1`, "ClusterRoleBinding", "one", { ...roleRef("ClusterRole"), subjects }),
  {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "widgets.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "widgets", singular: "widget", kind: "Widget", categories: ["all"] },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [{ name: "Size", type: "integer", jsonPath: ".spec.size" }],
          schema: {
            openAPIV3Schema: {
              type: "object",
              properties: {
                spec: { type: "object", properties: { size: { type: "integer", description: "How big it is." } } },
                status: { type: "object", properties: { done: { type: "boolean" } } },
              },
            },
          },
        },
      ],
    },
  },
  object(admission, "MutatingWebhookConfiguration", "one", { webhooks }),
  object(admission, "ValidatingWebhookConfiguration", "one", { webhooks }),
  object(admission, "ValidatingAdmissionPolicy", "one", {
    spec: { matchConstraints: { resourceRules: webhooks[0]?.rules }, validations: [{ expression: "true" }] },
  }),
  object(admission, "ValidatingAdmissionPolicyBinding", "one", {
    spec: { policyName: "one", validationActions: ["Deny"] },
  }),
  object(admission, "MutatingAdmissionPolicy", "one", {
    spec: {
      matchConstraints: { resourceRules: webhooks[0]?.rules },
      reinvocationPolicy: "Never",
      mutations: [{ patchType: "JSONPatch", jsonPatch: { expression: "[]" } }],
    },
  }),
  object(admission, "MutatingAdmissionPolicyBinding", "one", { spec: { policyName: "one" } }),
];

export const listOf = (items: readonly object[]): string => JSON.stringify({ apiVersion: "v1", kind: "List", items });

export const widget = JSON.stringify({
  apiVersion: "example.com/v1",
  kind: "Widget",
  metadata: { name: "one", namespace: "all" },
  spec: { size: 3 },
});

export const configMap = (name: string, data: object = {}, more: object = {}): string =>
  JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...more }, data });

export const web = (replicas: number): string =>
  JSON.stringify({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: { replicas, selector: { matchLabels: { app: "web" } }, template },
  });
