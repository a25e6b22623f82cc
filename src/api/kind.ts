/** What the API server needs to know of a kind; one file for each kind under `kinds/`, gathered in `kinds/mod.ts`. */
import type { JsonObject } from "./json.ts";
import type { KubeObject } from "./object.ts";
import type { Resource } from "./resource.ts";
import type { DecodeResult } from "./schema.ts";

/**
 * One fault of an object, worded as Kubernetes words it (apimachinery's field.Error):
 * `{ reason: "FieldValueInvalid", field: "spec.ports[0].nodePort", detail: "Invalid value: 99: provided port is not in the valid range. …" }`.
 */
export interface FieldError {
  readonly reason:
    | "FieldValueInvalid"
    | "FieldValueTypeInvalid"
    | "FieldValueRequired"
    | "FieldValueNotSupported"
    | "FieldValueForbidden"
    | "FieldValueDuplicate"
    | "FieldValueTooLong"
    | "FieldValueTooMany"
    | "FieldValueNotFound"
    | "InternalError";
  readonly field: string;
  /** The whole text after "<field>: ", e.g. "Required value: must be set". */
  readonly detail: string;
}

export interface Column<T> {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  readonly format?: string;
  readonly description: string;
  /** 0: always printed, 1: with `-o wide`. */
  readonly priority: 0 | 1;
  /** The cell. `now` (milliseconds since the epoch) is for ages. */
  readonly cell: (object: T, now: number) => string | number | boolean | null;
}

/** A part of the object that has a subresource of its own to write it. */
export interface SpecPart<T> {
  /** Takes over, in place, what of `next` belongs to the part; `object` begins as the stored one. */
  take(object: T, next: T): void;
  validate(object: T, old: T): FieldError[];
}

/** The fields of metadata that are their users'. */
export const userMetadata = ["labels", "annotations", "finalizers", "ownerReferences"] as const;
type UserMetadata = (typeof userMetadata)[number];

/** All hooks are pure; those that say "in place" change the object they are handed (a private copy). */
export interface Kind<T extends KubeObject = KubeObject> extends Resource<T> {
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** Has a `status` that is written only through the `status` subresource. */
  readonly status: boolean;
  /** Metadata that a write of the status leaves alone, though it changes the rest of it; "all" of it. */
  readonly statusKeeps?: "all" | readonly UserMetadata[];
  /** Subresources beside status, e.g. ["log", "binding", "eviction"]. */
  readonly subresources: readonly string[];
  /** Nothing is kept: a POST is answered, and there are no other verbs. */
  readonly createOnly?: boolean;
  /** Verbs of collections and objects that it lacks, e.g. ["deletecollection"]. */
  readonly lacks?: readonly string[];
  /** Name of its schema in `schema.gen.json`, e.g. "io.k8s.api.core.v1.Service". */
  readonly schema: string;
  /** Fills the documented defaults, in place. */
  setDefaults?(object: T): void;
  /** Before the first validation of a create, in place: drop what users may not set. */
  prepareForCreate?(object: T): void;
  /** Before validation of an update, in place: carry over what users may not change silently; status is handled by the machinery. */
  prepareForUpdate?(object: T, old: T): void;
  /** `old`, on an update: values that were stored before stricter rules came stay legal while they are unchanged. */
  validate?(object: T, old?: T): FieldError[];
  /** Faults of the change itself (immutable fields); `validate` runs as well. */
  validateUpdate?(object: T, old: T): FieldError[];
  validateStatusUpdate?(object: T, old: T): FieldError[];
  /** By subresource; `validate` runs as well. */
  readonly parts?: Readonly<Record<string, SpecPart<T>>>;
  /** True if the change raises metadata.generation; default: `spec` differs. */
  raisesGeneration?(object: T, old: T): boolean;
  /** Texts for `Warning: 299` headers on create and update. */
  warnings?(object: T, old: T | undefined): string[];
  /** The same on a write of the status. */
  statusWarnings?(object: T): string[];
  /** Text for the `Warning: 299` header of every answer, also one that refuses. */
  readonly deprecation?: string;
  /** Field selectors beside metadata.name and metadata.namespace: field → its value. */
  readonly fieldSelectors?: Readonly<Record<string, (object: T) => string>>;
  readonly columns: readonly Column<T>[];
  /** The kind of lists; default: the kind's name and "List". */
  readonly listKind?: string;
  /** Reads untyped JSON; default: by the fields of `schema`. */
  decode?(value: JsonObject): DecodeResult;
  /** The kind is another form of one that is stored so: in which collection, and how the forms become each other (private copies). */
  readonly stored?: {
    readonly group: string;
    fromStored(object: KubeObject): KubeObject;
    toStored(object: KubeObject): KubeObject;
    /** Somebody outside must be asked, which takes a while: objects of any version as those of `version`, in their order. */
    convert?(objects: readonly KubeObject[], version: string): Promise<KubeObject[]>;
    /** The version that is stored, where `convert` makes it. */
    readonly version?: string;
  };
  /** Where the `scale` subresource finds its numbers, if not in spec.replicas, status.replicas and spec.selector. */
  readonly scalePaths?: {
    readonly spec: readonly string[];
    readonly status: readonly string[];
    readonly selector?: readonly string[];
  };
  /** Its definitions in OpenAPI, by name, if they are not among the published schemas; the first one is the object's own. */
  published?(dialect: "v2" | "v3"): Readonly<Record<string, object>>;
  /** Finalizers may lack a domain. */
  readonly plainFinalizers?: boolean;
  /** A sentence why no more objects of the kind may be made. */
  readonly closed?: string;
  /** A delete that names no policy leaves dependents alone; the text of the warning that says so, if there is one. */
  readonly orphansByDefault?: { readonly warning?: string };
  /** A PUT must name the revision that it replaces. */
  readonly needsRevision?: boolean;
  /** Metadata names: the check and its words; default: DNS subdomain. */
  validateName?(name: string, generateName: boolean): string[];
}
