/** Events of events.k8s.io: the core's events under other names; both groups show the same objects. */
import type { JsonObject } from "../json.ts";
import type { Column, Kind } from "../kind.ts";
import type { Event, KubeObject } from "../object.ts";
import { eventKind } from "./event.ts";

/** The core's name → the name here; all other fields have one name. */
const names: readonly (readonly [core: string, here: string])[] = [
  ["involvedObject", "regarding"],
  ["message", "note"],
  ["reportingComponent", "reportingController"],
  ["source", "deprecatedSource"],
  ["firstTimestamp", "deprecatedFirstTimestamp"],
  ["lastTimestamp", "deprecatedLastTimestamp"],
  ["count", "deprecatedCount"],
];
const toHere: ReadonlyMap<string, string> = new Map(names);
const toCore: ReadonlyMap<string, string> = new Map(names.map(([core, here]) => [here, core]));

/** A field by another name. */
function renamed(object: KubeObject, fields: ReadonlyMap<string, string>, apiVersion: string): KubeObject {
  const entries = Object.entries(object as unknown as JsonObject);
  const result = Object.fromEntries(entries.map(([field, value]) => [fields.get(field) ?? field, value]));
  return { ...(result as unknown as KubeObject), apiVersion };
}

const fromStored = (object: KubeObject): KubeObject => renamed(object, toHere, "events.k8s.io/v1");
const toStored = (object: KubeObject): KubeObject => renamed(object, toCore, "v1");
const asCore = (object: KubeObject): Event => ({ involvedObject: {}, ...toStored(object) }) as unknown as Event;

/** `involvedObject.name` → `regarding.name`. */
function fieldHere(field: string): string {
  const [first = "", ...rest] = field.split(".");
  return [toHere.get(first) ?? first, ...rest].join(".");
}

const columns = eventKind.columns.map(
  (column): Column<KubeObject> => ({ ...column, cell: (object, now) => column.cell(asCore(object), now) }),
);
const selectors = Object.entries(eventKind.fieldSelectors ?? {}).map(
  ([field, read]) => [fieldHere(field), (object: KubeObject) => read(asCore(object))] as const,
);

/** Core events are not held to the rules that newer ones are; these are, whoever wrote them. */
export const eventsEventKind: Kind = {
  group: "events.k8s.io",
  version: "v1",
  kind: "Event",
  plural: "events",
  namespaced: true,
  singular: "event",
  shortNames: ["ev"],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.events.v1.Event",
  setDefaults: (object) => void Object.assign(object, { regarding: Reflect.get(object, "regarding") ?? {} }),
  validate(object) {
    const faults = eventKind.validate?.(asCore(object)) ?? [];
    return faults.map((fault) => ({ ...fault, field: fieldHere(fault.field) }));
  },
  raisesGeneration: () => false,
  fieldSelectors: Object.fromEntries(selectors),
  columns,
  stored: { group: "", fromStored, toStored },
};
