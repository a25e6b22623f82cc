/**
 * Rules of where a Pod may run: affinity, topology spread, tolerations, gates.
 * Source: Kubernetes "Assigning Pods to Nodes", "Pod Topology Spread Constraints", "Taints and Tolerations".
 */
import type {
  Affinity,
  NodeAffinity,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinityTerm,
  PodSpec,
  Toleration,
  TopologySpreadConstraint,
  WeightedPodAffinityTerm,
} from "kubernetes-types/core/v1";
import { duplicate, forbidden, invalid, notSupported, required } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import { checkDnsLabel, checkDnsSubdomain, checkLabelValue, checkQualifiedName } from "../names.ts";
import { checked, validateLabelSelector } from "./_check.ts";

const taintEffects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
const unsatisfiable = ["DoNotSchedule", "ScheduleAnyway"];
const nodePolicies = ["Honor", "Ignore"];
const preemptionPolicies = ["Never", "PreemptLowerPriority"];
const maxWeight = 100;
const requiredRules = "requiredDuringSchedulingIgnoredDuringExecution";
const preferredRules = "preferredDuringSchedulingIgnoredDuringExecution";
const badOperator = "not a valid selector operator";

/** Every rule of scheduling in the Pod spec that stands at `field`. */
export function validateScheduling(field: string, spec: PodSpec): FieldError[] {
  const { affinity, topologySpreadConstraints: spread = [], tolerations = [], preemptionPolicy: policy } = spec;
  const faults = [
    ...(affinity ? validateAffinity(`${field}.affinity`, affinity) : []),
    ...validateSpread(`${field}.topologySpreadConstraints`, spread),
    ...validateTolerations(`${field}.tolerations`, tolerations),
    ...validateGates(field, spec),
  ];
  if (policy !== undefined && !preemptionPolicies.includes(policy)) {
    faults.push(notSupported(`${field}.preemptionPolicy`, policy, preemptionPolicies));
  }
  return faults;
}

function validateAffinity(field: string, { nodeAffinity, podAffinity, podAntiAffinity }: Affinity): FieldError[] {
  const faults = nodeAffinity ? validateNodeAffinity(`${field}.nodeAffinity`, nodeAffinity) : [];
  for (const [name, rules] of Object.entries({ podAffinity, podAntiAffinity })) {
    const path = `${field}.${name}`;
    const terms: readonly PodAffinityTerm[] = rules?.[requiredRules] ?? [];
    const weighted: readonly WeightedPodAffinityTerm[] = rules?.[preferredRules] ?? [];
    faults.push(...terms.flatMap((term, index) => validatePodTerm(`${path}.${requiredRules}[${index}]`, term)));
    for (const [index, { weight, podAffinityTerm }] of weighted.entries()) {
      const at = `${path}.${preferredRules}[${index}]`;
      faults.push(...validateWeight(at, weight), ...validatePodTerm(`${at}.podAffinityTerm`, podAffinityTerm));
    }
  }
  return faults;
}

function validateWeight(path: string, weight: number): FieldError[] {
  const isGood = weight >= 1 && weight <= maxWeight;
  return isGood ? [] : [invalid(`${path}.weight`, weight ?? 0, `must be in the range 1-${maxWeight}`)];
}

function validateNodeAffinity(field: string, affinity: NodeAffinity): FieldError[] {
  const faults: FieldError[] = [];
  const selector = affinity[requiredRules];
  if (selector) {
    const path = `${field}.${requiredRules}.nodeSelectorTerms`;
    const terms = selector.nodeSelectorTerms ?? [];
    if (terms.length === 0) faults.push(required(path, "must have at least one node selector term"));
    faults.push(...terms.flatMap((term, index) => validateNodeTerm(`${path}[${index}]`, term)));
  }
  for (const [index, { weight, preference }] of (affinity[preferredRules] ?? []).entries()) {
    const path = `${field}.${preferredRules}[${index}]`;
    faults.push(...validateWeight(path, weight), ...validateNodeTerm(`${path}.preference`, preference ?? {}));
  }
  return faults;
}

function validateNodeTerm(path: string, { matchExpressions = [], matchFields = [] }: NodeSelectorTerm): FieldError[] {
  return [
    ...matchExpressions.flatMap((one, index) => validateNodeLabel(`${path}.matchExpressions[${index}]`, one)),
    ...matchFields.flatMap((one, index) => validateNodeField(`${path}.matchFields[${index}]`, one)),
  ];
}

function validateNodeLabel(path: string, { key, operator, values = [] }: NodeSelectorRequirement): FieldError[] {
  const faults: FieldError[] = [];
  switch (operator) {
    case "In":
    case "NotIn":
      if (values.length === 0) {
        faults.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      }
      break;
    case "Exists":
    case "DoesNotExist":
      if (values.length > 0) {
        faults.push(forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      }
      break;
    case "Gt":
    case "Lt":
      if (values.length !== 1) {
        faults.push(required(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      }
      break;
    default:
      faults.push(invalid(`${path}.operator`, operator, badOperator));
  }
  faults.push(...checked(`${path}.key`, key, checkQualifiedName(key)));
  return [
    ...faults,
    ...values.flatMap((value, index) => checked(`${path}.values[${index}]`, value, checkLabelValue(value))),
  ];
}

/** The only field of a node that can be selected by is its name. */
function validateNodeField(path: string, { key, operator, values = [] }: NodeSelectorRequirement): FieldError[] {
  const faults: FieldError[] = [];
  if (operator !== "In" && operator !== "NotIn") faults.push(invalid(`${path}.operator`, operator, badOperator));
  else if (values.length !== 1) {
    const detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    faults.push(required(`${path}.values`, detail));
  }
  if (key !== "metadata.name") return [...faults, invalid(`${path}.key`, key, "not a valid field selector key")];
  return [
    ...faults,
    ...values.flatMap((value, index) => checked(`${path}.values[${index}]`, value, checkDnsSubdomain(value))),
  ];
}

function validatePodTerm(path: string, term: PodAffinityTerm): FieldError[] {
  const { labelSelector, namespaceSelector, namespaces = [], topologyKey } = term ?? {};
  const faults = labelSelector ? validateLabelSelector(`${path}.labelSelector`, labelSelector) : [];
  if (namespaceSelector) faults.push(...validateLabelSelector(`${path}.namespaceSelector`, namespaceSelector));
  faults.push(...namespaces.flatMap((name) => checked(`${path}.namespace`, name, checkDnsLabel(name))));
  if (!topologyKey) return [...faults, required(`${path}.topologyKey`, "can not be empty")];
  return [...faults, ...checked(`${path}.topologyKey`, topologyKey, checkQualifiedName(topologyKey))];
}

function validateSpread(field: string, constraints: readonly TopologySpreadConstraint[]): FieldError[] {
  const seen = new Set<string>();
  return constraints.flatMap((constraint, index) => {
    const { topologyKey, whenUnsatisfiable } = constraint;
    const path = `${field}[${index}]`;
    const pair = `{${topologyKey}, ${whenUnsatisfiable}}`;
    const faults = validateConstraint(path, constraint);
    if (seen.has(pair)) faults.push(duplicate(`${path}.{topologyKey, whenUnsatisfiable}`, pair));
    seen.add(pair);
    return faults;
  });
}

function validateConstraint(path: string, constraint: TopologySpreadConstraint): FieldError[] {
  const {
    maxSkew,
    minDomains,
    topologyKey,
    whenUnsatisfiable: action,
    labelSelector,
    matchLabelKeys = [],
  } = constraint;
  const faults: FieldError[] = [];
  if (!(maxSkew > 0)) faults.push(invalid(`${path}.maxSkew`, maxSkew ?? 0, "must be greater than zero"));
  if (!topologyKey) faults.push(required(`${path}.topologyKey`, "can not be empty"));
  else faults.push(...checked(`${path}.topologyKey`, topologyKey, checkQualifiedName(topologyKey)));
  if (!unsatisfiable.includes(action)) {
    faults.push(notSupported(`${path}.whenUnsatisfiable`, action ?? "", unsatisfiable));
  }
  if (minDomains !== undefined) {
    if (minDomains <= 0) faults.push(invalid(`${path}.minDomains`, minDomains, "must be greater than zero"));
    if (action !== "DoNotSchedule") {
      const detail = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${action}`;
      faults.push(invalid(`${path}.minDomains`, minDomains, detail));
    }
  }
  for (const name of ["nodeAffinityPolicy", "nodeTaintsPolicy"] as const) {
    const policy = constraint[name];
    if (policy !== undefined && !nodePolicies.includes(policy)) {
      faults.push(notSupported(`${path}.${name}`, policy, nodePolicies));
    }
  }
  if (matchLabelKeys.length > 0 && !labelSelector) {
    faults.push(forbidden(`${path}.matchLabelKeys`, "must not be specified when labelSelector is not set"));
  }
  return labelSelector ? [...faults, ...validateLabelSelector(`${path}.labelSelector`, labelSelector)] : faults;
}

export function validateTolerations(field: string, tolerations: readonly Toleration[]): FieldError[] {
  return tolerations.flatMap((toleration, index) => validateToleration(`${field}[${index}]`, toleration));
}

function validateToleration(
  path: string,
  { key, operator, value, effect, tolerationSeconds }: Toleration,
): FieldError[] {
  const faults = key ? checked(`${path}.key`, key, checkQualifiedName(key)) : [];
  if (!key && operator !== "Exists") {
    const detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
    faults.push(invalid(`${path}.operator`, operator ?? "", detail));
  }
  if (tolerationSeconds !== undefined && effect !== "NoExecute") {
    faults.push(invalid(`${path}.effect`, effect ?? "", "effect must be 'NoExecute' when `tolerationSeconds` is set"));
  }
  if (operator === "Exists" && value) {
    faults.push(invalid(`${path}.operator`, value, "value must be empty when `operator` is 'Exists'"));
  }
  if (operator && operator !== "Exists" && operator !== "Equal") {
    faults.push(notSupported(`${path}.operator`, operator, ["Equal", "Exists"]));
  } else if (operator !== "Exists" && value) {
    faults.push(...checked(`${path}.operator`, value, checkLabelValue(value)));
  }
  if (effect && !taintEffects.includes(effect)) faults.push(notSupported(`${path}.effect`, effect, taintEffects));
  return faults;
}

function validateGates(field: string, { readinessGates = [], schedulingGates = [] }: PodSpec): FieldError[] {
  const faults = readinessGates.flatMap(({ conditionType }, index) =>
    checked(`${field}.readinessGates[${index}].conditionType`, conditionType, checkQualifiedName(conditionType ?? "")),
  );
  const seen = new Set<string>();
  for (const [index, { name }] of schedulingGates.entries()) {
    const path = `${field}.schedulingGates[${index}]`;
    faults.push(...checked(path, name, checkQualifiedName(name ?? "")));
    if (seen.has(name)) faults.push(duplicate(path, name));
    seen.add(name);
  }
  return faults;
}
