import type { NodeSpec, Taint } from "kubernetes-types/core/v1";
import { parseCidrSloppy } from "../../net/cidr.ts";
import { duplicate, forbidden, invalid } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import { checkLabelValue, checkQualifiedName } from "../names.ts";
import type { Node } from "../object.ts";
import { nodes } from "../resource.ts";
import { validateCidr } from "./_address.ts";
import { checked, oneOf } from "./_check.ts";
import { ageColumn, nameColumn, none, text, wide } from "./_column.ts";
import { dropGeneration } from "./_generation.ts";

const rolePrefix = "node-role.kubernetes.io/";
const roleLabel = "kubernetes.io/role";
const taintEffects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

function validate({ spec }: Node, old?: Node): FieldError[] {
  return [...validateTaints(spec?.taints ?? []), ...validatePodCidrs(spec?.podCIDRs ?? [], old?.spec?.podCIDRs)];
}

function validateTaints(taints: readonly Taint[]): FieldError[] {
  const seen = new Set<string>();
  return taints.flatMap(({ key, value = "", effect }, index) => {
    const path = `spec.taints[${index}]`;
    const identity = `${key}:${effect}`;
    const faults = [
      ...checked(`${path}.key`, key, checkQualifiedName(key)),
      ...checked(`${path}.value`, value, checkLabelValue(value)),
      ...oneOf(`${path}.effect`, effect, taintEffects),
    ];
    if (seen.has(identity)) faults.push(duplicate(path, { key, value, effect }));
    seen.add(identity);
    return faults;
  });
}

function validatePodCidrs(cidrs: readonly string[], stored: readonly string[] | undefined): FieldError[] {
  const faults = cidrs.flatMap((cidr, index) => validateCidr(`spec.podCIDRs[${index}]`, cidr, stored));
  if (faults.length > 0 || cidrs.length < 2) return faults;
  const families = new Set(cidrs.map((cidr) => parseCidrSloppy(cidr)?.ip.family));
  if (cidrs.length === 2 && families.size === 2) return [];
  return [invalid("spec.podCIDRs", cidrs, "may specify no more than one CIDR for each IP family")];
}

function validateUpdate({ spec = {} }: Node, { spec: old = {} }: Node): FieldError[] {
  const faults: FieldError[] = [];
  const podCidrs = (fields: NodeSpec) => (fields.podCIDRs ?? []).join(",");
  if (podCidrs(old) && podCidrs(spec) !== podCidrs(old)) {
    faults.push(forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid'));
  }
  if (old.providerID && spec.providerID !== old.providerID) {
    faults.push(forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid'));
  }
  return faults;
}

function statusCell({ spec, status }: Node): string {
  const ready = (status?.conditions ?? []).find(({ type }) => type === "Ready");
  const state = !ready ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
  return spec?.unschedulable ? `${state},SchedulingDisabled` : state;
}

function rolesCell({ metadata }: Node): string {
  const roles = Object.entries(metadata.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(rolePrefix)) return key.slice(rolePrefix.length) || [];
    return key === roleLabel && value ? value : [];
  });
  return [...new Set(roles)].sort().join(",") || none;
}

function kernelCell({ status }: Node): string {
  const { kernelVersion, architecture } = status?.nodeInfo ?? {};
  return `${kernelVersion || unknown}${architecture ? ` (${architecture})` : ""}`;
}

function addressCell({ status }: Node, wanted: string): string {
  return (status?.addresses ?? []).find(({ type }) => type === wanted)?.address ?? none;
}

const unknown = "<unknown>";

export const nodeKind: Kind<Node> = {
  ...nodes,
  singular: "node",
  shortNames: ["no"],
  categories: [],
  status: true,
  subresources: ["proxy"],
  schema: "io.k8s.api.core.v1.Node",
  setDefaults(node) {
    node.spec ??= {};
    const { spec, status } = node;
    // `podCIDR` is the old form of `podCIDRs[0]`.
    if (spec.podCIDRs?.[0]) spec.podCIDR = spec.podCIDRs[0];
    else if (spec.podCIDR) spec.podCIDRs = [spec.podCIDR];
    if (status?.capacity) status.allocatable ??= { ...status.capacity };
  },
  // Unlike others, a new node keeps the status that its agent reports with it.
  prepareForCreate: dropGeneration,
  validate,
  validateUpdate,
  raisesGeneration: () => false,
  fieldSelectors: { "spec.unschedulable": ({ spec }) => String(spec?.unschedulable ?? false) },
  columns: [
    nameColumn,
    text("Status", "Whether the node is ready, and whether Pods may be scheduled to it.", statusCell),
    text("Roles", "Roles that the node's labels name.", rolesCell),
    ageColumn,
    text("Version", "Version of the node agent.", ({ status }) => status?.nodeInfo?.kubeletVersion ?? ""),
    wide(text("Internal-IP", "Address inside the cluster's network.", (node) => addressCell(node, "InternalIP"))),
    wide(text("External-IP", "Address outside the cluster's network.", (node) => addressCell(node, "ExternalIP"))),
    wide(text("OS-Image", "Operating system.", ({ status }) => status?.nodeInfo?.osImage || unknown)),
    wide(text("Kernel-Version", "Version of the kernel, and the architecture.", kernelCell)),
    wide(
      text("Container-Runtime", "Name and version of what runs containers.", ({ status }) => {
        return status?.nodeInfo?.containerRuntimeVersion || unknown;
      }),
    ),
  ],
};
