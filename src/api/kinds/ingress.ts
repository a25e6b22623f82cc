import type { IngressSpec } from "kubernetes-types/networking/v1";
import type { Kind } from "../kind.ts";
import type { Ingress } from "../object.ts";
import { ingresses } from "../resource.ts";
import { warnAboutIngress } from "./_address.ts";
import { ageColumn, nameColumn, none, text } from "./_column.ts";
import { dropEmpty } from "./_empty.ts";
import { specOf } from "./_workload.ts";
import { classAnnotation, validateIngress, validateIngressStatus } from "./ingress-validate.ts";

const maxShownHosts = 3;

function hostsCell({ rules = [] }: IngressSpec): string {
  const hosts = rules.flatMap(({ host }) => host || []);
  if (hosts.length === 0) return "*";
  const shown = hosts.slice(0, maxShownHosts).join(",");
  // Kubernetes counts rules, also those without a host.
  const last = rules.findIndex(({ host }) => host === hosts[maxShownHosts - 1]);
  const more = hosts.length >= maxShownHosts && rules.length > last + 1;
  return more ? `${shown} + ${rules.length - maxShownHosts} more...` : shown;
}

function addressesOf({ status }: Ingress): string[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }) => ip || hostname || []);
}

export const ingressKind: Kind<Ingress> = {
  ...ingresses,
  singular: "ingress",
  shortNames: ["ing"],
  categories: [],
  status: true,
  subresources: [],
  schema: "io.k8s.api.networking.v1.Ingress",
  setDefaults(ingress) {
    const { rules = [], tls = [] } = specOf(ingress);
    for (const rule of rules) {
      dropEmpty(rule, ["host"]);
      for (const path of rule.http?.paths ?? []) dropEmpty(path, ["path"]);
    }
    for (const entry of tls) dropEmpty(entry, ["secretName"]);
  },
  prepareForCreate: (ingress) => void Object.assign(ingress, { status: { loadBalancer: {} } }),
  validate: validateIngress,
  validateStatusUpdate: validateIngressStatus,
  warnings({ metadata, spec }, old) {
    const isNew = !old && metadata.annotations?.[classAnnotation] !== undefined;
    if (!isNew || spec.ingressClassName !== undefined) return [];
    return [`annotation "${classAnnotation}" is deprecated, please use 'spec.ingressClassName' instead`];
  },
  statusWarnings: warnAboutIngress,
  columns: [
    nameColumn,
    text("Class", "Name of the IngressClass.", ({ spec }) => spec.ingressClassName ?? none),
    text("Hosts", "Hosts that its rules are for.", ({ spec }) => hostsCell(spec)),
    text("Address", "Where its load balancer takes traffic.", (ingress) => {
      return [...new Set(addressesOf(ingress))].join(",");
    }),
    text("Ports", "Ports that it opens.", ({ spec }) => ((spec.tls ?? []).length > 0 ? "80, 443" : "80")),
    ageColumn,
  ],
};
