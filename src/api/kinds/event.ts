import { invalid, required } from "../field-error.ts";
import { age } from "../human-duration.ts";
import type { FieldError, Kind } from "../kind.ts";
import { checkQualifiedName } from "../names.ts";
import type { Event } from "../object.ts";
import { events } from "../resource.ts";
import { checked } from "./_check.ts";
import { nameColumn, text, wide } from "./_column.ts";

const maxCharacters = 128;
const maxMessageCharacters = 1024;

function validate(event: Event): FieldError[] {
  const namespace = event.involvedObject.namespace ?? "";
  const home = event.metadata.namespace ?? "";
  // What happens to cluster-scoped objects is told in these namespaces.
  const matches = namespace ? namespace === home : ["", "default", "kube-system"].includes(home);
  const faults = matches ? [] : [invalid("involvedObject.namespace", namespace, "does not match event.namespace")];
  return event.eventTime ? [...faults, ...validateReporter(event)] : faults;
}

/** Events with `eventTime` say who reports and what was done. */
function validateReporter(event: Event): FieldError[] {
  const { reportingComponent = "", reportingInstance = "", action = "", reason = "", message = "" } = event;
  const faults: FieldError[] = [];
  if (!reportingComponent) faults.push(required("reportingComponent"));
  else faults.push(...checked("reportingController", reportingComponent, checkQualifiedName(reportingComponent)));
  for (const [field, value] of Object.entries({ reportingInstance, action, reason })) {
    if (!value) faults.push(required(field));
    if (value.length > maxCharacters) faults.push(invalid(field, "", `can have at most ${maxCharacters} characters`));
  }
  if (message.length > maxMessageCharacters) {
    faults.push(invalid("message", "", `can have at most ${maxMessageCharacters} characters`));
  }
  return faults;
}

function firstSeen({ firstTimestamp, eventTime }: Event): string | undefined {
  return firstTimestamp ?? eventTime;
}

function lastSeen(event: Event): string | undefined {
  return event.series?.lastObservedTime ?? event.lastTimestamp ?? firstSeen(event);
}

function objectCell({ involvedObject }: Event): string {
  const kind = (involvedObject.kind ?? "").toLowerCase();
  return involvedObject.name ? `${kind}/${involvedObject.name}` : kind;
}

function sourceCell({ source, reportingComponent, reportingInstance }: Event): string {
  return [source?.component || reportingComponent, source?.host || reportingInstance].filter(Boolean).join(", ");
}

export const eventKind: Kind<Event> = {
  ...events,
  singular: "event",
  shortNames: ["ev"],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.core.v1.Event",
  setDefaults(event) {
    event.involvedObject ??= {};
  },
  validate,
  raisesGeneration: () => false,
  fieldSelectors: {
    "involvedObject.kind": ({ involvedObject }) => involvedObject.kind ?? "",
    "involvedObject.namespace": ({ involvedObject }) => involvedObject.namespace ?? "",
    "involvedObject.name": ({ involvedObject }) => involvedObject.name ?? "",
    "involvedObject.uid": ({ involvedObject }) => involvedObject.uid ?? "",
    "involvedObject.apiVersion": ({ involvedObject }) => involvedObject.apiVersion ?? "",
    "involvedObject.resourceVersion": ({ involvedObject }) => involvedObject.resourceVersion ?? "",
    "involvedObject.fieldPath": ({ involvedObject }) => involvedObject.fieldPath ?? "",
    reason: ({ reason }) => reason ?? "",
    reportingComponent: ({ reportingComponent }) => reportingComponent ?? "",
    source: ({ source, reportingComponent }) => source?.component || reportingComponent || "",
    type: ({ type }) => type ?? "",
  },
  columns: [
    text("Last Seen", "Time since it happened last.", (event, now) => age(lastSeen(event), now)),
    text("Type", "Normal, or Warning.", ({ type }) => type ?? ""),
    text("Reason", "Why, in one word.", ({ reason }) => reason ?? ""),
    text("Object", "What it happened to.", objectCell),
    wide(text("Subobject", "The part of the object.", ({ involvedObject }) => involvedObject.fieldPath ?? "")),
    wide(text("Source", "Who reports it, and from where.", sourceCell)),
    text("Message", "What happened.", ({ message }) => (message ?? "").trim()),
    wide(text("First Seen", "Time since it happened first.", (event, now) => age(firstSeen(event), now))),
    wide(text("Count", "How often it happened.", ({ series, count }) => series?.count ?? (count || 1))),
    wide(nameColumn),
  ],
};
