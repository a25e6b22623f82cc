import type { LimitRangeItem } from "kubernetes-types/core/v1";
import { duplicate, forbidden, invalid, required } from "../field-error.ts";
import { ownField } from "../json.ts";
import type { FieldError, Kind } from "../kind.ts";
import { checkQualifiedName } from "../names.ts";
import type { LimitRange } from "../object.ts";
import { compareQuantities, parseQuantity } from "../quantity.ts";
import { limitRanges } from "../resource.ts";
import { checked } from "./_check.ts";
import { createdAtColumn, nameColumn } from "./_column.ts";
import { dropGeneration } from "./_generation.ts";
import { validateQuantity } from "./_quantity.ts";
import { specOf } from "./_workload.ts";

const lists = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] as const;

/** Source: the field docs of LimitRangeItem: of containers, what is not given follows from the rest. */
function setItemDefaults(item: LimitRangeItem): void {
  if (item.type !== "Container") return;
  const limits = { ...item.max, ...item.default };
  const requests = { ...item.min, ...limits, ...item.defaultRequest };
  if (Object.keys(limits).length > 0) item.default = limits;
  if (Object.keys(requests).length > 0) item.defaultRequest = requests;
}

function validateItem(path: string, item: LimitRangeItem): FieldError[] {
  const { type, min = {}, max = {} } = item;
  const faults = checked(`${path}.type`, type, checkQualifiedName(type ?? ""));
  for (const list of lists) {
    for (const [name, amount] of Object.entries(item[list] ?? {})) {
      faults.push(...validateQuantity(`${path}.${list}[${name}]`, name, amount));
    }
  }
  for (const field of ["default", "defaultRequest"] as const) {
    if (type === "Pod" && Object.keys(item[field] ?? {}).length > 0) {
      faults.push(forbidden(`${path}.${field}`, "may not be specified when `type` is 'Pod'"));
    }
  }
  if (type === "PersistentVolumeClaim" && min.storage === undefined && max.storage === undefined) {
    faults.push(required(path, "either minimum or maximum storage value is required, but neither was provided"));
  }
  if (faults.length > 0) return faults;
  const names = new Set(lists.flatMap((list) => Object.keys(item[list] ?? {})));
  return [...names]
    .sort()
    .flatMap((name) => [
      ...orders.flatMap((order) => validateOrder(path, item, name, order)),
      ...validateRatio(path, item, name),
    ]);
}

interface Order {
  readonly less: (typeof lists)[number];
  readonly more: (typeof lists)[number];
  /** Where the fault is told. */
  readonly at: (typeof lists)[number];
}

const words: Readonly<Record<(typeof lists)[number], string>> = {
  max: "max value",
  min: "min value",
  default: "default value",
  defaultRequest: "default request value",
  maxLimitRequestRatio: "ratio",
};

const orders: readonly Order[] = [
  { less: "min", more: "max", at: "min" },
  { less: "min", more: "defaultRequest", at: "defaultRequest" },
  { less: "defaultRequest", more: "max", at: "defaultRequest" },
  { less: "defaultRequest", more: "default", at: "defaultRequest" },
  { less: "min", more: "default", at: "default" },
  { less: "default", more: "max", at: "default" },
];

function validateOrder(path: string, item: LimitRangeItem, name: string, { less, more, at }: Order): FieldError[] {
  const [low, high] = [ownField(item[less], name), ownField(item[more], name)];
  if (low === undefined || high === undefined || compareQuantities(low, high) <= 0) return [];
  const isRequest = less === "defaultRequest" && more === "default";
  const detail = `${words[less]} ${low} is greater than ${isRequest ? "default limit value" : words[more]} ${high}`;
  return [invalid(`${path}.${at}[${name}]`, item[at]?.[name], detail)];
}

const numberOf = (amount: string): number => Number(parseQuantity(amount)?.nano ?? 0n);

function validateRatio(path: string, { maxLimitRequestRatio, min, max }: LimitRangeItem, name: string): FieldError[] {
  const ratio = ownField(maxLimitRequestRatio, name);
  if (ratio === undefined) return [];
  const field = `${path}.maxLimitRequestRatio[${name}]`;
  if (compareQuantities(ratio, "1") < 0) return [invalid(field, ratio, `ratio ${ratio} is less than 1`)];
  const [low, high] = [ownField(min, name), ownField(max, name)];
  if (low === undefined || high === undefined) return [];
  const limit = numberOf(high) / numberOf(low);
  if (numberOf(ratio) / 1e9 <= limit) return [];
  return [invalid(field, ratio, `ratio ${ratio} is greater than max/min = ${limit.toFixed(6)}`)];
}

function validate({ spec }: LimitRange): FieldError[] {
  const seen = new Set<string>();
  return (spec.limits ?? []).flatMap((item, index) => {
    const path = `spec.limits[${index}]`;
    const faults = seen.has(item.type) ? [duplicate(`${path}.type`, item.type)] : [];
    seen.add(item.type);
    return [...faults, ...validateItem(path, item)];
  });
}

export const limitRangeKind: Kind<LimitRange> = {
  ...limitRanges,
  singular: "limitrange",
  shortNames: ["limits"],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.core.v1.LimitRange",
  setDefaults: (range) => (specOf(range).limits ?? []).forEach(setItemDefaults),
  prepareForCreate: dropGeneration,
  validate,
  columns: [nameColumn, createdAtColumn],
};
