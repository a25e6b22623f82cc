/** Objects that are right, by kind: what most requests start from. */
import type { Kind } from "../../src/api/kind.ts";

const labels = { app: "web" };
const meta = { name: "web", labels };
const container = { name: "c", image: "busybox", args: ["sleep", "9"], ports: [{ name: "http", containerPort: 80 }] };
const template = { metadata: { labels }, spec: { containers: [container] } };
const selector = { matchLabels: labels };
const port = { name: "http", port: 80, targetPort: "http", protocol: "TCP" };

const service = (spec: object): object => ({ apiVersion: "v1", kind: "Service", metadata: meta, spec });
const workload = (kind: string, spec: object): object => ({ apiVersion: "apps/v1", kind, metadata: meta, spec });

/** The custom kind that the run makes first. */
export const widgetDefinition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "widgets.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: {
          status: {},
          scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
        },
        additionalPrinterColumns: [{ name: "Size", type: "integer", jsonPath: ".spec.size" }],
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                required: ["size"],
                "x-kubernetes-validations": [{ rule: "self.size < 100", message: "too big" }],
                properties: {
                  size: { type: "integer", minimum: 0, default: 3 },
                  replicas: { type: "integer" },
                  name: { type: "string", pattern: "^[a-z]*$", maxLength: 20 },
                  parts: { type: "array", items: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
                  port: { "x-kubernetes-int-or-string": true },
                },
              },
              status: { type: "object", properties: { replicas: { type: "integer" } } },
            },
          },
        },
      },
    ],
  },
};

const admission = (kind: string, rest: object): object => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind,
  metadata: meta,
  ...rest,
});
const ofMaps = { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["configmaps"] };
const webhook = {
  name: "one.example.com",
  clientConfig: { url: "https://127.0.0.1:1/x" },
  rules: [ofMaps],
  failurePolicy: "Ignore",
  matchConditions: [{ name: "a", expression: "object.metadata.name != 'b'" }],
  admissionReviewVersions: ["v1"],
  sideEffects: "None",
  timeoutSeconds: 1,
};

const samples: Readonly<Record<string, readonly object[]>> = {
  mutatingwebhookconfigurations: [admission("MutatingWebhookConfiguration", { webhooks: [webhook] })],
  validatingwebhookconfigurations: [admission("ValidatingWebhookConfiguration", { webhooks: [webhook] })],
  validatingadmissionpolicies: [
    admission("ValidatingAdmissionPolicy", {
      spec: {
        matchConstraints: { resourceRules: [ofMaps] },
        paramKind: { apiVersion: "v1", kind: "ConfigMap" },
        variables: [{ name: "size", expression: "size(object.data)" }],
        validations: [{ expression: "variables.size < 3", messageExpression: "'not ' + string(variables.size)" }],
      },
    }),
  ],
  mutatingadmissionpolicies: [
    admission("MutatingAdmissionPolicy", {
      spec: {
        matchConstraints: { resourceRules: [ofMaps] },
        reinvocationPolicy: "IfNeeded",
        mutations: [
          {
            patchType: "ApplyConfiguration",
            applyConfiguration: { expression: 'Object{metadata: Object.metadata{labels: {"a": "b"}}}' },
          },
          {
            patchType: "JSONPatch",
            jsonPatch: { expression: '[JSONPatch{op: "add", path: "/data", value: {"a": object.metadata.name}}]' },
          },
        ],
      },
    }),
  ],
  mutatingadmissionpolicybindings: [admission("MutatingAdmissionPolicyBinding", { spec: { policyName: "web" } })],
  validatingadmissionpolicybindings: [
    admission("ValidatingAdmissionPolicyBinding", {
      spec: {
        policyName: "web",
        validationActions: ["Warn"],
        paramRef: { name: "web", namespace: "default", parameterNotFoundAction: "Allow" },
      },
    }),
  ],
  services: [
    service({ selector: labels, ports: [port] }),
    service({ type: "NodePort", selector: labels, ports: [{ ...port, nodePort: 30080 }] }),
    service({ type: "LoadBalancer", selector: labels, ports: [port], externalTrafficPolicy: "Local" }),
    service({ type: "ExternalName", externalName: "example.com" }),
    service({ clusterIP: "None", selector: labels, ports: [port] }),
    service({ clusterIP: "10.96.0.77", ports: [port], sessionAffinity: "ClientIP" }),
  ],
  pods: [{ apiVersion: "v1", kind: "Pod", metadata: meta, spec: { ...template.spec, nodeName: "node-1" } }],
  deployments: [workload("Deployment", { replicas: 2, selector, template })],
  replicasets: [workload("ReplicaSet", { replicas: 2, selector, template })],
  statefulsets: [workload("StatefulSet", { replicas: 2, serviceName: "web", selector, template })],
  daemonsets: [workload("DaemonSet", { selector, template })],
  configmaps: [{ apiVersion: "v1", kind: "ConfigMap", metadata: meta, data: { a: "1" }, binaryData: { b: "aGk=" } }],
  secrets: [{ apiVersion: "v1", kind: "Secret", metadata: meta, type: "Opaque", stringData: { a: "1" } }],
  namespaces: [{ apiVersion: "v1", kind: "Namespace", metadata: { name: "other" } }],
  nodes: [{ apiVersion: "v1", kind: "Node", metadata: { name: "node-1" }, spec: { podCIDR: "10.244.0.0/24" } }],
  ingresses: [
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: meta,
      spec: { defaultBackend: { service: { name: "web", port: { number: 80 } } } },
    },
  ],
  endpointslices: [
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "web", labels: { "kubernetes.io/service-name": "web" } },
      addressType: "IPv4",
      ports: [{ name: "http", port: 80 }],
      endpoints: [{ addresses: ["10.244.0.2"], conditions: { ready: true } }],
    },
  ],
  endpoints: [
    {
      apiVersion: "v1",
      kind: "Endpoints",
      metadata: meta,
      subsets: [{ addresses: [{ ip: "10.244.0.2" }], ports: [{ port: 80 }] }],
    },
  ],
  jobs: [
    {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: meta,
      spec: { template: { spec: { ...template.spec, restartPolicy: "Never" } } },
    },
  ],
  roles: [
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "Role",
      metadata: { name: "web" },
      rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }],
    },
  ],
  customresourcedefinitions: [widgetDefinition],
  widgets: [
    { apiVersion: "example.com/v1", kind: "Widget", metadata: { name: "web" }, spec: { size: 5, parts: [{ a: 1 }] } },
  ],
};

export const samplesOf = ({ plural }: Pick<Kind, "plural">): readonly object[] =>
  Object.hasOwn(samples, plural) ? (samples[plural] ?? []) : [];
