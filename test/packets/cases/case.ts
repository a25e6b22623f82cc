/** What a packet case is, and builders with one family's addresses filled in. */
import type { EndpointSlice, Service } from "../../../src/api/object.ts";
import type { IpFamily } from "../../../src/net/ip.ts";
import type { Settings } from "../../../src/proxy/backends/port.ts";
import type { NodeFacts, Protocol } from "../../../src/proxy/state.ts";
import {
  type EndpointFixture,
  type ServiceFixture,
  type SliceFixture,
  service,
  slice,
} from "../../../src/proxy/testing/fixtures.ts";
import { type Addresses, podPort } from "../addresses.ts";
import type { Probe } from "../probe.ts";

/** What is there, and what packets do then. A stage keeps what it does not name from the one before. */
export interface Stage {
  readonly services?: readonly Service[];
  readonly slices?: readonly EndpointSlice[];
  readonly settings?: {
    readonly masqueradeAll?: boolean;
    readonly masqueradeBit?: number;
    readonly nodePortCidrs?: readonly string[];
    readonly podCidrs?: readonly string[];
    readonly podLink?: NonNullable<Settings["podLink"]>;
    readonly localhostNodePorts?: boolean;
    readonly dropsInvalid?: boolean;
  };
  readonly node?: Partial<NodeFacts>;
  readonly probes: readonly Probe[];
}

export interface PacketCase {
  /** Begins with the statement's number. */
  readonly name: string;
  readonly only?: IpFamily;
  /** Not together with the same case of the other family. */
  readonly alone?: true;
  readonly stages: readonly Stage[];
}

export type PodName = "pod-a" | "pod-b" | "pod-far";
/** Endpoints of these Pods, or any. */
export type Endpoints = readonly (PodName | EndpointFixture)[];

export const nodePort = 30080;
export const local = { externalTrafficPolicy: "Local", internalTrafficPolicy: "Local" } as const;
export const externalLocal = { externalTrafficPolicy: "Local" } as const;
export const internalLocal = { internalTrafficPolicy: "Local" } as const;
export const terminating = { ready: false, serving: true, terminating: true } as const;
export const protocols: readonly Protocol[] = ["TCP", "UDP", "SCTP"];
export const sticky = (timeoutSeconds = 60): ServiceFixture => ({
  sessionAffinity: "ClientIP",
  sessionAffinityConfig: { clientIP: { timeoutSeconds } },
});

export type Builders = ReturnType<typeof buildersFor>;

export function buildersFor(a: Addresses, family: IpFamily) {
  /** A Service at `a.clusterIp`, port 80. */
  const svc = (fixture: ServiceFixture = {}): Service =>
    service({ clusterIP: a.clusterIp, ipFamilies: [family], ...fixture } as ServiceFixture);
  const at = (host: PodName, more: Partial<EndpointFixture> = {}): EndpointFixture => ({
    ip: a[host],
    node: host === "pod-far" ? "node-b" : "node-a",
    ...more,
  });
  /** A slice of "web" (or of `more.of`) with port 8080 of each protocol. */
  const sliceOf = (endpoints: Endpoints, more: SliceFixture = {}): EndpointSlice =>
    slice(
      endpoints.map((endpoint) => (typeof endpoint === "string" ? at(endpoint) : endpoint)),
      {
        addressType: family,
        ports: protocols.map((protocol) => ({ port: podPort, protocol })),
        ...(more.of ? { name: `${more.of}-1` } : {}),
        ...more,
      },
    );
  const eps = (...endpoints: Endpoints): EndpointSlice => sliceOf(endpoints);
  const ports = (protocol: Protocol, nodePort = 0) => ({
    ports: [{ port: 80, protocol, ...(nodePort ? { nodePort } : {}) }],
  });
  const onNodePort = (more: ServiceFixture = {}): Service =>
    svc({ type: "NodePort", ...ports("TCP", nodePort), ...more });
  /** Clients of all roads: clusterIP, node port, external and load-balancer IP. */
  const balanced = (more: ServiceFixture = {}): Service =>
    svc({
      type: "LoadBalancer",
      ...ports("TCP", nodePort),
      externalIPs: [a.external],
      ingress: [{ ip: a.balancer }],
      ...more,
    });
  /** The ways in to `balanced`. */
  const roads = {
    clusterIP: { to: a.clusterIp },
    "node port": { to: a.node, port: nodePort },
    "external IP": { to: a.external },
    "load-balancer IP": { to: a.balancer },
  } as const;
  /** A case of one stage. */
  const one = (
    name: string,
    services: readonly Service[],
    slices: readonly EndpointSlice[],
    probes: readonly Probe[],
    more: Pick<Stage, "settings" | "node"> = {},
  ): PacketCase => ({ name, stages: [{ services, slices, probes, ...more }] });
  return { a, family, svc, at, eps, sliceOf, ports, onNodePort, balanced, roads, one };
}
