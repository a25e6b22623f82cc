import type { Kind } from "../kind.ts";
import type { Event } from "../object.ts";
import { events } from "../resource.ts";
import { ageColumn, nameColumn } from "./_column.ts";

export const eventKind: Kind<Event> = {
  ...events,
  singular: "event",
  shortNames: ["ev"],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.core.v1.Event",
  columns: [nameColumn, ageColumn],
};
