/** What the proxy reads of Services and EndpointSlices, by the field numbers of their protobuf form. */
import { field, type MessageShape, metadata } from "../client/message-shape.ts";

const { list, map, message, number, boolean, optional, repeats, split, text, word } = field;

export const proxyNameLabel = "service.kubernetes.io/service-proxy-name";
export const headlessLabel = "service.kubernetes.io/headless";
export const serviceNameLabel = "kubernetes.io/service-name";
export const triggerAnnotation = "endpoints.kubernetes.io/last-change-trigger-time";

export const serviceShape: MessageShape = {
  metadata: metadata([proxyNameLabel]),
  spec: message(2, {
    ports: list(repeats(message(1, { name: word(1), protocol: word(2), port: number(3), nodePort: number(5) }))),
    clusterIP: text(3),
    type: word(4),
    externalIPs: list(text(5)),
    sessionAffinity: word(7),
    loadBalancerSourceRanges: list(text(9)),
    externalTrafficPolicy: word(11),
    healthCheckNodePort: number(12),
    sessionAffinityConfig: message(14, { clientIP: message(1, { timeoutSeconds: number(1) }) }),
    clusterIPs: list(text(18)),
    internalTrafficPolicy: word(22),
  }),
  status: optional(
    message(3, {
      loadBalancer: optional(
        message(1, { ingress: list(message(1, { ip: text(1), hostname: text(2), ipMode: word(3) })) }),
      ),
    }),
  ),
};

export const sliceShape: MessageShape = {
  // Without the uid: the revision tells one slice from another of the same name.
  metadata: message(1, {
    name: text(1),
    namespace: word(3),
    resourceVersion: text(6),
    labels: map(11, [serviceNameLabel, headlessLabel]),
    annotations: map(12, [triggerAnnotation]),
  }),
  // Of the addresses only the first counts.
  endpoints: split(2, 1, {
    conditions: message(2, { ready: boolean(1), serving: boolean(2), terminating: boolean(3) }),
    nodeName: word(6),
    hints: message(8, {
      forZones: list(message(1, { name: word(1) })),
      forNodes: list(message(2, { name: word(1) })),
    }),
  }),
  ports: list(repeats(message(3, { name: word(1), protocol: word(2), port: number(3) }))),
  addressType: word(4),
};
