/** Random objects of a kind: fields as published, values that are likely, odd or hostile. */
import type { Kind } from "../../src/api/kind.ts";
import { apiVersionOf } from "../../src/api/resource.ts";
import { type FieldType, fieldsOf, type Scalar } from "../../src/api/schema-table.ts";
import type { Random } from "./random.ts";

/** Few, so that requests meet the objects of others. */
export const names = ["a", "b", "web", "web-0", "backend", "kubernetes", "default", "x.example.com", "node-1"] as const;
export const namespaces = ["default", "kube-system", "other", "gone"] as const;

/** Likely values of fields by name: with them objects pass the first checks, and get to the later ones. */
const likely: Readonly<Record<string, readonly unknown[]>> = {
  name: [...names, "http", "Bad Name", ""],
  generateName: ["gen-", "", "-"],
  namespace: namespaces,
  type: [
    "constructor",
    "ClusterIP",
    "NodePort",
    "LoadBalancer",
    "ExternalName",
    "Ready",
    "Opaque",
    "RollingUpdate",
    "Utf8",
    "Exact",
  ],
  protocol: ["TCP", "UDP", "SCTP", "tcp"],
  clusterIP: ["None", "", "10.96.0.1", "10.96.0.77", "10.96.255.255", "fd00::1", "1.2.3.4", "10.96.0.300"],
  clusterIPs: [["None"], ["10.96.0.77"], ["10.96.0.78", "fd00:10:96::5"], []],
  externalIPs: [["1.2.3.4"], ["127.0.0.1"], ["x"]],
  externalName: ["example.com", "EXAMPLE..com", ""],
  ipFamilies: [["IPv4"], ["IPv6"], ["IPv4", "IPv6"], ["IPv4", "IPv4"], ["x"]],
  ipFamilyPolicy: ["SingleStack", "PreferDualStack", "RequireDualStack", "x"],
  addressType: ["IPv4", "IPv6", "FQDN"],
  addresses: [["10.0.0.1"], ["fd00::1"], ["a.example.com"], []],
  ip: ["10.0.0.1", "fd00::1", "::ffff:1.2.3.4", "0", "127.0.0.1"],
  port: [80, 443, 0, 65536, -1, "http"],
  targetPort: [80, "http", 0, -1, "UPPER", 1e10],
  nodePort: [30000, 30001, 0, 99, 32768],
  sessionAffinity: ["None", "ClientIP", ""],
  externalTrafficPolicy: ["Cluster", "Local", ""],
  internalTrafficPolicy: ["Cluster", "Local"],
  trafficDistribution: ["PreferClose", "PreferSameNode", "x"],
  labels: [
    { app: "a" },
    { constructor: "a" },
    { "kubernetes.io/service-name": "web" },
    { "bad key!": "x" },
    { a: "x".repeat(64) },
  ],
  matchLabels: [{ app: "a" }, {}],
  selector: [{ app: "a" }, { matchLabels: { app: "a" } }, {}, null],
  operator: ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Equal"],
  finalizers: [["example.com/hold"], ["service.kubernetes.io/load-balancer-cleanup"], ["x"], []],
  resourceVersion: ["", "1", "0", "99999999999999999999", "abc"],
  uid: ["", "00000000-0000-0000-0000-000000000000"],
  image: ["busybox", "", " x "],
  containers: [
    [{ name: "c", image: "busybox" }],
    [],
    [
      { name: "c", image: "i" },
      { name: "c", image: "i" },
    ],
  ],
  restartPolicy: ["Always", "OnFailure", "Never", ""],
  schedule: ["*/5 * * * *", "61 * * * *", "@hourly", "TZ=x * * * * *", ""],
  verbs: [["*"], ["get", "list"], []],
  apiGroups: [["*"], [""], ["apps"]],
  resources: [["*"], ["pods"], { requests: { cpu: "1" }, limits: { memory: "1Gi" } }],
  roleRef: [{ apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" }],
  expression: ["self.a > 1", "true", "self.metadata.name.startsWith('a')", "((((", "self.map(x, self.map(y, y))"],
  pattern: ["^a+$", "(a+)+$", "(", "\\p{L}"],
  pathType: ["Exact", "Prefix", "ImplementationSpecific"],
  path: ["/", "/a/b", "a", "/a//b", "/a/../b"],
  replicas: [0, 1, 3, -1, 2147483647],
  maxSurge: [0, 1, "25%", "101%", "x%"],
  maxUnavailable: [0, 1, "25%", -1],
  cidrs: [["10.97.0.0/16"], ["10.0.0.0/33"], ["fd00::/64"]],
  scope: ["Namespaced", "Cluster"],
  kind: ["Service", "Pod", "Widget", ""],
  apiVersion: ["v1", "apps/v1", "example.com/v1", "x/y/z"],
};

const scalars: Readonly<Record<Scalar, readonly unknown[]>> = {
  string: ["", "a", "A b", "é😀", "\u0000", "x".repeat(300), "../..", "%s%n", "\ud800", "true", "1", "None"],
  boolean: [true, false],
  int32: [0, 1, -1, 80, 30000, 2147483647, 2147483648, 1.5],
  int64: [0, 1, -1, 2 ** 53 + 2, 1e20, 3600],
  double: [0, 1.5, -1e300],
  time: ["2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "x", "2026-13-45T99:99:99Z", null],
  microtime: ["2026-01-01T00:00:00.000000Z", "x", null],
  bytes: ["", "aGVsbG8=", "%%%", "////"],
  intOrString: [0, 80, "http", "50%", 1e10, "x".repeat(70)],
  quantity: ["1", "100m", "1Gi", "-1", "1e3", "x", "", 1, 1.5, "999999999999999999999999Ei"],
  any: [{}, [], "x", 1, null, { a: { b: [1, "2", null] } }],
};

/** Values that fit nowhere. */
export const strange: readonly unknown[] = [
  null,
  0,
  -1,
  1.5,
  1e308,
  "",
  "x",
  true,
  [],
  {},
  [[]],
  [null],
  { "": 0 },
  { constructor: 1 },
  { toString: "x" },
  { length: -1 },
  "\u0000",
  "__proto__",
  Number.MAX_SAFE_INTEGER,
  { $patch: "delete" },
];

export class Values {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** An object of the kind, with the names that the URL has. */
  object(kind: Kind, name: string | undefined, namespace: string | undefined): Record<string, unknown> {
    const random = this.#random;
    const made = this.#fields(kind.schema, 0);
    const metadata = random.chance(0.3) ? (made.metadata as object) : {};
    return {
      ...made,
      apiVersion: apiVersionOf(kind),
      kind: kind.kind,
      metadata: {
        ...metadata,
        ...(name ? { name } : { name: random.pick(names) }),
        ...(namespace ? { namespace } : {}),
      },
    };
  }

  #fields(schema: string, depth: number): Record<string, unknown> {
    const random = this.#random;
    const fields = [...fieldsOf(schema)];
    const share = depth === 0 ? 0.9 : depth < 3 ? 0.45 : 0.2;
    return Object.fromEntries(
      fields.filter(() => random.chance(share)).map(([name, type]) => [name, this.#value(name, type, depth + 1)]),
    );
  }

  #value(name: string, type: FieldType, depth: number): unknown {
    const random = this.#random;
    const known = Object.hasOwn(likely, name) ? likely[name] : undefined;
    if (known && random.chance(0.6)) return random.pick(known);
    if (random.chance(0.02)) return random.pick(strange);
    return this.#typed(name, type, depth);
  }

  #typed(name: string, type: FieldType, depth: number): unknown {
    const random = this.#random;
    if (type.kind === "scalar") return random.pick(scalars[type.scalar]);
    if (depth > 7) return type.kind === "list" ? [] : {};
    if (type.kind === "object") return this.#fields(type.schema, depth);
    const items = Array.from({ length: random.int(3) }, () => {
      const inner = type.kind === "list" ? type.items : type.values;
      return this.#value(type.kind === "list" ? name.replace(/s$/, "") : "", inner, depth);
    });
    if (type.kind === "list") return items;
    return Object.fromEntries(
      items.map((item) => [random.pick(["a", "app", "b/c", "", "__proto__", "constructor"]), item]),
    );
  }
}
