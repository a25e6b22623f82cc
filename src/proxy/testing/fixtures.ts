/** Objects for tests, with what a test does not care about filled in. */
import type { EndpointSlice, Service } from "../../api/object.ts";
import { parseCidr } from "../../net/cidr.ts";
import type { Settings } from "../backends/port.ts";
import type { NodeFacts } from "../state.ts";

type Spec = Partial<Service["spec"]>;

export interface ServiceFixture extends Spec {
  readonly name?: string;
  readonly created?: string;
  readonly labels?: Record<string, string>;
  readonly ingress?: readonly { ip?: string; hostname?: string; ipMode?: string }[];
}

/** A ClusterIP Service "default/web" at 10.96.0.1, TCP port 80, unless told otherwise. */
export function service(fixture: ServiceFixture = {}): Service {
  const { name = "web", created = "2026-01-01T00:00:00Z", labels = {}, ingress, ...spec } = fixture;
  const clusterIP = spec.clusterIP ?? "10.96.0.1";
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default", creationTimestamp: created, labels },
    spec: {
      type: "ClusterIP",
      clusterIP,
      clusterIPs: [clusterIP],
      ports: [{ port: 80, protocol: "TCP" }],
      ...spec,
    },
    ...(ingress ? { status: { loadBalancer: { ingress: [...ingress] } } } : {}),
  } as Service;
}

export interface EndpointFixture {
  readonly ip: string;
  /** Default "node-a"; null: the endpoint has none. */
  readonly node?: string | null;
  readonly ready?: boolean;
  readonly serving?: boolean;
  readonly terminating?: boolean;
  readonly zones?: readonly string[];
  readonly nodes?: readonly string[];
}

export interface SliceFixture {
  readonly name?: string;
  readonly of?: string;
  readonly ports?: readonly { name?: string; port?: number; protocol?: string }[];
  readonly addressType?: "IPv4" | "IPv6" | "FQDN";
  readonly labels?: Record<string, string>;
}

/** A slice of "default/web" whose endpoints listen on TCP 8080, unless told otherwise. Addresses as text are ready endpoints on node-a. */
export function slice(endpoints: readonly (string | EndpointFixture)[], fixture: SliceFixture = {}): EndpointSlice {
  const { name = "web-1", of = "web", ports = [{ port: 8080 }], addressType = "IPv4", labels = {} } = fixture;
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, namespace: "default", labels: { "kubernetes.io/service-name": of, ...labels } },
    addressType,
    ports: ports.map(({ name = "", port, protocol = "TCP" }) => ({ name, protocol, ...(port ? { port } : {}) })),
    endpoints: endpoints.map((endpoint) => sliceEndpoint(typeof endpoint === "string" ? { ip: endpoint } : endpoint)),
  } as EndpointSlice;
}

function sliceEndpoint({ ip, node = "node-a", ready, serving, terminating, zones, nodes }: EndpointFixture) {
  const hints = {
    ...(zones ? { forZones: zones.map((name) => ({ name })) } : {}),
    ...(nodes ? { forNodes: nodes.map((name) => ({ name })) } : {}),
  };
  return {
    addresses: [ip],
    conditions: {
      ...(ready === undefined ? {} : { ready }),
      ...(serving === undefined ? {} : { serving }),
      ...(terminating === undefined ? {} : { terminating }),
    },
    ...(node === null ? {} : { nodeName: node }),
    ...(zones || nodes ? { hints } : {}),
  };
}

export const nodeA: NodeFacts = { name: "node-a", zone: "z1", addresses: ["172.18.0.2"], podCidrs: [] };

const cidrs = (...texts: string[]) => texts.map(parseCidr).filter((cidr) => cidr !== undefined);

export function settings(overrides: Partial<Settings> = {}): Settings {
  return {
    podCidrs: cidrs("10.244.0.0/16", "fd00:10:244::/56"),
    masqueradeAll: false,
    masqueradeBit: 14,
    serviceCidrs: cidrs("10.96.0.0/16", "fd00:10:96::/112"),
    nodePortCidrs: [],
    localhostNodePorts: true,
    dropsInvalid: true,
    ...overrides,
  };
}
