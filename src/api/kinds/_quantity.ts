/** Lists of amounts by the name of a resource: requests, limits, capacities, quotas. */
import { invalid } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import { checkQualifiedName } from "../names.ts";
import { parseQuantity } from "../quantity.ts";
import { checked } from "./_check.ts";

export type Quantities = Readonly<Record<string, string>>;

/** Resources that are counted, so that a part of one makes no sense; beside these, every one with a domain is. */
const counted = new Set([
  "pods",
  "services",
  "replicationcontrollers",
  "resourcequotas",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers",
]);
const standard = new Set([
  ...["cpu", "memory", "ephemeral-storage", "storage", "requests.cpu", "requests.memory", "requests.storage"],
  ...["requests.ephemeral-storage", "limits.cpu", "limits.memory", "limits.ephemeral-storage"],
]);

/** A name without a domain must be one that Kubernetes knows. */
export function validateResourceName(field: string, name: string): FieldError[] {
  const faults = checked(field, name, checkQualifiedName(name));
  if (faults.length > 0 || name.includes("/") || counted.has(name) || standard.has(name)) return faults;
  if (name.startsWith("hugepages-") || name.startsWith("requests.hugepages-")) return [];
  return [invalid(field, name, "must be a standard resource for quota")];
}

/** One amount: not negative, and whole if it counts things. */
export function validateQuantity(field: string, name: string, amount: string): FieldError[] {
  const quantity = parseQuantity(amount);
  const faults: FieldError[] = [];
  if (!quantity || quantity.nano < 0n) {
    faults.push(invalid(field, amount, "must be greater than or equal to 0"));
  }
  const isWhole = quantity !== undefined && quantity.nano % 1_000_000_000n === 0n;
  if ((counted.has(name) || name.startsWith("count/")) && !isWhole) {
    faults.push(invalid(field, amount, "must be an integer"));
  }
  return faults;
}

/** Every amount of a list. */
export function validateQuantities(field: string, list: Quantities = {}): FieldError[] {
  return Object.entries(list).flatMap(([name, amount]) => validateQuantity(`${field}[${name}]`, name, amount));
}
