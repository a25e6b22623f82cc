/** The variables that tell a container of Services. Source: "Discovering services", Environment variables. */
import type { Service } from "../../api/object.ts";

type Variables = Record<string, string>;

const variableName = (name: string): string => name.toUpperCase().replaceAll("-", "_");

function variablesOf({ metadata, spec }: Service): Variables {
  const host = spec.clusterIP ?? "";
  const name = variableName(metadata.name);
  const variables: Variables = { [`${name}_SERVICE_HOST`]: host };
  for (const [index, { name: portName, port, protocol = "TCP" }] of (spec.ports ?? []).entries()) {
    const url = `${protocol.toLowerCase()}://${host}:${port}`;
    if (index === 0) Object.assign(variables, { [`${name}_SERVICE_PORT`]: String(port), [`${name}_PORT`]: url });
    if (portName) variables[`${name}_SERVICE_PORT_${variableName(portName)}`] = String(port);
    const prefix = `${name}_PORT_${port}_${protocol.toUpperCase()}`;
    variables[prefix] = url;
    variables[`${prefix}_PROTO`] = protocol.toLowerCase();
    variables[`${prefix}_PORT`] = String(port);
    variables[`${prefix}_ADDR`] = host;
  }
  return variables;
}

const hasClusterIp = ({ spec }: Service): boolean => Boolean(spec.clusterIP) && spec.clusterIP !== "None";

/** Services of the Pod's namespace (unless `links` is false) and, always, default/kubernetes. */
export function serviceVariables(
  services: Iterable<Service>,
  { namespace, links }: { namespace: string; links: boolean },
): Variables {
  const variables: Variables = {};
  const add = (service: Service) => Object.assign(variables, variablesOf(service));
  const usable = [...services].filter(hasClusterIp).sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  for (const service of usable) {
    if (service.metadata.namespace === "default" && service.metadata.name === "kubernetes") add(service);
  }
  if (links) for (const service of usable) if (service.metadata.namespace === namespace) add(service);
  return variables;
}
