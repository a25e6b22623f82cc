/** Builders of objects for the controllers' tests. */
import type { PodCondition, ServicePort } from "kubernetes-types/core/v1";
import type { Node, Pod, Service } from "../../api/object.ts";

export function service(
  name: string,
  {
    ports = [{ port: 80 }],
    labels,
    ...spec
  }: Partial<Service["spec"]> & { ports?: ServicePort[]; labels?: Record<string, string> } = {},
): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "ns", uid: `uid-${name}`, ...(labels ? { labels } : {}) },
    spec: { clusterIP: "10.96.0.7", ipFamilies: ["IPv4"], selector: { app: name }, ports, ...spec },
  };
}

export interface PodInput {
  readonly ip?: string;
  readonly ready?: boolean;
  readonly labels?: Record<string, string>;
  readonly node?: string;
  readonly phase?: string;
  readonly terminating?: boolean;
  /** Named container ports. */
  readonly ports?: Record<string, number>;
  readonly spec?: Partial<Pod["spec"]>;
}

export function pod(name: string, input: PodInput = {}): Pod {
  const { ip, ready = true, labels, node, phase = "Running", terminating = false, ports = {}, spec } = input;
  const conditions: PodCondition[] = [
    { type: "Ready", status: ready ? "True" : "False", lastTransitionTime: "2026-01-01T00:00:00Z" },
  ];
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "ns",
      uid: `uid-${name}`,
      ...(labels ? { labels } : {}),
      ...(terminating ? { deletionTimestamp: "2026-01-01T00:00:01Z" } : {}),
    },
    spec: {
      containers: [
        {
          name: "c",
          ports: Object.entries(ports).map(([portName, containerPort]) => ({ name: portName, containerPort })),
        },
      ],
      ...(node ? { nodeName: node } : {}),
      ...spec,
    },
    status: { phase, conditions, ...(ip ? { podIP: ip, podIPs: [{ ip }] } : {}) },
  };
}

export function node(
  name: string,
  { labels = {}, ...spec }: Node["spec"] & { labels?: Record<string, string> } = {},
): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, uid: `uid-${name}`, labels: { "kubernetes.io/hostname": name, ...labels } },
    spec,
    status: { conditions: [{ type: "Ready", status: "True" }] },
  };
}
