/** Objects for tests, as the API server would hold them. */
import type { EndpointSlice, Service } from "../../api/object.ts";

export function service(key: string, spec: Partial<Service["spec"]>): Service {
  const [namespace = "", name = ""] = key.split("/");
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace }, spec };
}

export interface EndpointInput {
  readonly ip: string | readonly string[];
  readonly hostname?: string;
  readonly ready?: boolean;
}

/** A slice `<service>-<suffix>` of the Service; ports as "http:8080/TCP", ":53/UDP". */
export function slice(
  serviceKey: string,
  endpoints: readonly EndpointInput[],
  { ports = [], suffix = "a" }: { ports?: readonly string[]; suffix?: string } = {},
): EndpointSlice {
  const [namespace = "", name = ""] = serviceKey.split("/");
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `${name}-${suffix}`, namespace, labels: { "kubernetes.io/service-name": name } },
    addressType: [endpoints[0]?.ip ?? ""].flat()[0]?.includes(":") ? "IPv6" : "IPv4",
    endpoints: endpoints.map(({ ip, hostname, ready }) => ({
      addresses: [ip].flat(),
      ...(hostname !== undefined && { hostname }),
      ...(ready !== undefined && { conditions: { ready } }),
    })),
    ports: ports.map((text) => {
      const [, portName = "", port = "", protocol = ""] = /^(.*):(\d+)\/(\w+)$/.exec(text) ?? [];
      return { name: portName, port: Number(port), protocol };
    }),
  };
}
