import type { Column, Kind } from "../kind.ts";
import { checkDnsLabel } from "../names.ts";
import type { Service } from "../object.ts";
import { services } from "../resource.ts";
import { warnAboutIngress } from "./_address.ts";
import { ageColumn, formatLabels, nameColumn, none, text, wide } from "./_column.ts";
import { setServiceDefaults } from "./service-defaults.ts";
import { prepareServiceForCreate, prepareServiceForUpdate } from "./service-update.ts";
import { validateService } from "./service-validate.ts";
import { validateServiceStatusUpdate } from "./service-validate-update.ts";
import { serviceWarnings } from "./service-warnings.ts";

function externalIp({ spec, status }: Service): string {
  const ips = spec.externalIPs ?? [];
  if (spec.type === "ExternalName") return spec.externalName ?? "";
  if (spec.type === "ClusterIP" || spec.type === "NodePort") return ips.join(",") || none;
  if (spec.type !== "LoadBalancer") return "<unknown>";
  const ingress = status?.loadBalancer?.ingress ?? [];
  const addresses = new Set(ingress.flatMap(({ ip, hostname }) => ip || hostname || []));
  return [...[...addresses].sort(), ...ips].join(",") || "<pending>";
}

function ports({ spec }: Service): string {
  const texts = (spec.ports ?? []).map(({ port, nodePort, protocol }) =>
    nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
  );
  return texts.join(",") || none;
}

const columns: Column<Service>[] = [
  nameColumn,
  text("Type", "How the Service is reached.", ({ spec }) => spec.type ?? ""),
  text("Cluster-IP", "Primary address inside the cluster.", ({ spec }) => spec.clusterIPs?.[0] ?? none),
  text("External-IP", "Addresses at which clients outside the cluster reach the Service.", externalIp),
  text("Port(s)", "Ports, each with its node port if it has one, and its protocol.", ports),
  ageColumn,
  wide(text("Selector", "Labels of the Pods behind the Service.", ({ spec }) => formatLabels(spec.selector))),
];

export const serviceKind: Kind<Service> = {
  ...services,
  singular: "service",
  shortNames: ["svc"],
  categories: ["all"],
  status: true,
  subresources: ["proxy"],
  schema: "io.k8s.api.core.v1.Service",
  setDefaults: setServiceDefaults,
  prepareForCreate: prepareServiceForCreate,
  prepareForUpdate: prepareServiceForUpdate,
  validate: validateService,
  validateStatusUpdate: validateServiceStatusUpdate,
  warnings: serviceWarnings,
  statusWarnings: warnAboutIngress,
  // A Service has no metadata.generation (service-api S5).
  raisesGeneration: () => false,
  // Since 1.36 a name may start with a digit (KEP-5311, service-api S17).
  validateName: checkDnsLabel,
  fieldSelectors: {
    "spec.clusterIP": ({ spec }) => spec.clusterIP ?? "",
    "spec.type": ({ spec }) => spec.type ?? "",
  },
  columns,
};
