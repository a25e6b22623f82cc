/** Rules of a Pod spec, which Pods and the templates of workloads share. */
import type { PodSpec } from "kubernetes-types/core/v1";
import { invalid, required } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import { validateLabels } from "../metadata.ts";
import { checkDnsLabel, checkDnsSubdomain } from "../names.ts";
import { validateIp } from "./_address.ts";
import { validateScheduling } from "./_affinity-validate.ts";
import { checked, oneOf } from "./_check.ts";
import { validateContainers } from "./_container-validate.ts";
import { validateEphemeralContainers } from "./_ephemeral-validate.ts";
import { validatePodSecurity } from "./_security-validate.ts";
import { validateVolumes } from "./_volume-validate.ts";

const restartPolicies = ["Always", "OnFailure", "Never"];
const dnsPolicies = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];
const maxNameservers = 3;
const maxSearches = 32;

/** Every fault of a Pod spec with its defaults filled; `field` is where it stands, e.g. "spec" or "spec.template.spec". */
export function validatePodSpec(field: string, spec: PodSpec): FieldError[] {
  return [
    ...validateVolumes(`${field}.volumes`, spec.volumes ?? []),
    ...validateContainers(field, spec),
    ...validateEphemeralContainers(field, spec),
    ...oneOf(`${field}.restartPolicy`, spec.restartPolicy, restartPolicies),
    ...oneOf(`${field}.dnsPolicy`, spec.dnsPolicy, dnsPolicies),
    ...validateDnsConfig(`${field}.dnsConfig`, spec),
    ...validateLabels(spec.nodeSelector, `${field}.nodeSelector`),
    ...validateNames(field, spec),
    ...validateTimes(field, spec),
    ...validateScheduling(field, spec),
    ...validatePodSecurity(field, spec),
    ...validateHostAliases(`${field}.hostAliases`, spec.hostAliases ?? []),
  ];
}

function validateNames(field: string, spec: PodSpec): FieldError[] {
  const names = [
    ["nodeName", checkDnsSubdomain],
    ["serviceAccountName", checkDnsSubdomain],
    ["hostname", checkDnsLabel],
    ["subdomain", checkDnsLabel],
    ["priorityClassName", checkDnsSubdomain],
    ["runtimeClassName", checkDnsSubdomain],
  ] as const;
  const faults = names.flatMap(([name, check]) => {
    const value = spec[name];
    return value ? checked(`${field}.${name}`, value, check(value)) : [];
  });
  for (const [index, { name }] of (spec.imagePullSecrets ?? []).entries()) {
    if (!name) faults.push(required(`${field}.imagePullSecrets[${index}].name`));
  }
  return faults;
}

function validateTimes(field: string, spec: PodSpec): FieldError[] {
  const faults: FieldError[] = [];
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > 0x7fffffff)) {
    faults.push(invalid(`${field}.activeDeadlineSeconds`, deadline, "must be between 1 and 2147483647, inclusive"));
  }
  return faults;
}

function validateDnsConfig(field: string, spec: PodSpec): FieldError[] {
  const nameservers = spec.dnsConfig?.nameservers ?? [];
  const searches = spec.dnsConfig?.searches ?? [];
  const faults: FieldError[] = [];
  if (spec.dnsPolicy === "None") {
    if (!spec.dnsConfig) return [required(field, "must provide `dnsConfig` when `dnsPolicy` is None")];
    if (nameservers.length === 0) {
      faults.push(
        required(`${field}.nameservers`, "must provide at least one DNS nameserver when `dnsPolicy` is None"),
      );
    }
  }
  if (nameservers.length > maxNameservers) {
    faults.push(invalid(`${field}.nameservers`, nameservers, `must not have more than ${maxNameservers} nameservers`));
  }
  faults.push(...nameservers.flatMap((server, index) => validateIp(`${field}.nameservers[${index}]`, server)));
  if (searches.length > maxSearches) {
    faults.push(invalid(`${field}.searches`, searches, `must not have more than ${maxSearches} search paths`));
  }
  for (const [index, search] of searches.entries()) {
    // A label may begin with an underscore, as in names of SRV records.
    const name =
      search === "."
        ? "a"
        : search
            .replace(/\.$/, "")
            .replace(/(^|\.)_/g, "$1a")
            .replaceAll("_", "-");
    faults.push(...checked(`${field}.searches[${index}]`, search, checkDnsSubdomain(name)));
  }
  for (const [index, { name }] of (spec.dnsConfig?.options ?? []).entries()) {
    if (!name) faults.push(required(`${field}.options[${index}]`, "must not be empty"));
  }
  return faults;
}

function validateHostAliases(field: string, aliases: NonNullable<PodSpec["hostAliases"]>): FieldError[] {
  return aliases.flatMap(({ ip = "", hostnames = [] }, index) => [
    ...validateIp(`${field}[${index}].ip`, ip),
    ...hostnames.flatMap((name, at) => checked(`${field}[${index}].hostnames[${at}]`, name, checkDnsSubdomain(name))),
  ]);
}
