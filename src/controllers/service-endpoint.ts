/** What both EndpointSlices and Endpoints say of one Pod behind a Service. */
import type { Container, ServicePort } from "kubernetes-types/core/v1";
import type { Pod, Service } from "../api/object.ts";

export const triggerTimeAnnotation = "endpoints.kubernetes.io/last-change-trigger-time";
export const headlessLabel = "service.kubernetes.io/headless";

/** e.g. `{ name: "http", port: 8080, protocol: "TCP" }`. */
export interface EndpointPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  readonly appProtocol?: string;
}

export const isHeadless = ({ spec }: Service): boolean => !spec.clusterIP || spec.clusterIP === "None";

/** The number that a Service's port has on this Pod; undefined: the Pod has no container port of that name and protocol. */
function resolveTargetPort({ spec }: Pod, { port, targetPort, protocol = "TCP" }: ServicePort): number | undefined {
  const target: unknown = targetPort ?? port;
  if (typeof target === "number") return target === 0 ? port : target;
  // Containers first, then the init containers that run along with them.
  const sidecars = (spec.initContainers ?? []).filter((container: Container) => container.restartPolicy === "Always");
  return [...spec.containers, ...sidecars]
    .flatMap(({ ports = [] }) => ports)
    .find((candidate) => candidate.name === target && (candidate.protocol ?? "TCP") === protocol)?.containerPort;
}

/** The Service's ports as this Pod has them; those that it lacks are left out. */
export function endpointPorts(service: Service, pod: Pod): EndpointPort[] {
  return (service.spec.ports ?? []).flatMap((servicePort) => {
    const port = resolveTargetPort(pod, servicePort);
    if (port === undefined) return [];
    const { name = "", protocol = "TCP", appProtocol } = servicePort;
    return [{ name, port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }];
  });
}

/** Name of the Pod below the Service's domain: set if the Pod asks for one and names this Service as its subdomain. */
export function endpointHostname({ metadata }: Service, pod: Pod): string | undefined {
  const { hostname, subdomain } = pod.spec;
  const here = subdomain === metadata.name && pod.metadata.namespace === metadata.namespace;
  return hostname && here ? hostname : undefined;
}

export function targetRef({ metadata }: Pod) {
  const { name, namespace = "", uid = "" } = metadata;
  return { kind: "Pod", namespace, name, uid };
}
