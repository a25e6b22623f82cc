/** The metadata that belongs to the server: set at creation, carried over in updates. */
import { randomUUID } from "node:crypto";
import { userMetadata } from "../api/kind.ts";
import { generateName } from "../api/names.ts";
import { badRequest } from "../api/status.ts";
import { type StoredObject, writableMeta } from "./codec.ts";
import type { ApiRequest } from "./request.ts";

/** RFC 3339 in whole seconds, as metav1.Time is written. */
export const formatTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** Namespace and name of the body must be those of the URL; what the body lacks is filled in. In place. */
export function alignWithUrl(object: StoredObject, { kind, namespace, name }: ApiRequest): void {
  const metadata = writableMeta(object);
  if (kind.namespaced && namespace !== undefined) {
    if (metadata.namespace && metadata.namespace !== namespace) {
      throw badRequest(
        `the namespace of the provided object does not match the namespace sent on the request (${metadata.namespace} is not ${namespace})`,
      );
    }
    metadata.namespace = namespace;
  }
  if (name !== undefined) {
    if (metadata.name && metadata.name !== name) {
      throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
    }
    metadata.name = name;
  }
}

/** Fills the server's part of a new object's metadata, in place. */
export function prepareNewMetadata(object: StoredObject, nowMs: number): void {
  const metadata = writableMeta(object);
  if (metadata.resourceVersion) throw badRequest("resourceVersion should not be set on objects to be created");
  delete metadata.resourceVersion;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
  metadata.uid = randomUUID();
  metadata.creationTimestamp = formatTime(nowMs);
  delete metadata.generation;
  if (object.spec !== undefined) metadata.generation = 1;
  if (!metadata.name && metadata.generateName) metadata.name = generateName(metadata.generateName);
  // Rules look at names before it is told that there is none.
  metadata.name ??= "";
}

/** Empty lists and maps of metadata are as good as none, and not written. In place. */
export function dropEmptyMetadata(object: StoredObject): void {
  const metadata = writableMeta(object) as unknown as Record<string, unknown>;
  for (const field of userMetadata) {
    const value = metadata[field];
    if (typeof value === "object" && value !== null && Object.keys(value).length === 0) delete metadata[field];
  }
}

const serverFields = [
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "generation",
  "resourceVersion",
] as const;

/** The server's part of the metadata stays as it was stored, in place. */
export function carryMetadata(next: StoredObject, old: StoredObject): void {
  const metadata = writableMeta(next) as unknown as Record<string, unknown>;
  const before = old.metadata as unknown as Record<string, unknown>;
  for (const field of serverFields) {
    if (before[field] === undefined) delete metadata[field];
    else metadata[field] = before[field];
  }
  delete metadata.selfLink;
}
