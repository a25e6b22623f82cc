/** Events that the server itself writes, about what it repairs. */
import { randomUUID } from "node:crypto";
import type { KubeObject } from "../api/object.ts";
import { events } from "../api/resource.ts";
import type { StoredObject } from "./codec.ts";
import type { ServerContext } from "./context.ts";
import { createObject } from "./create-object.ts";
import { formatTime } from "./object-metadata.ts";

const component = "kube-apiserver";

/** Does not wait; an Event that cannot be written is lost. */
export function recordEvent(
  server: ServerContext,
  { apiVersion, kind, metadata }: KubeObject,
  { reason, message }: { reason: string; message: string },
): void {
  const { name, namespace, uid, resourceVersion } = metadata;
  const kindOfEvents = server.kindOf(events.group, events.version, events.plural);
  if (!kindOfEvents) return;
  const time = formatTime(server.clock.now());
  const object = {
    apiVersion: "v1",
    kind: "Event",
    // An IPv6 address is no name of an Event.
    metadata: { name: `${name.replaceAll(":", "-")}.${randomUUID().slice(0, 13)}`, namespace: namespace ?? "default" },
    involvedObject: { apiVersion, kind, name, namespace, uid, resourceVersion },
    type: "Warning",
    reason,
    message,
    source: { component },
    reportingComponent: component,
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  } as unknown as StoredObject;
  const writer = { dryRun: false, fieldManager: component };
  createObject(server, { kind: kindOfEvents, object, writer }).catch((error) => {
    server.log.debug("event is lost", { reason, error });
  });
}
