/** A write, or a connection, as webhooks and policies see it. Source: Kubernetes "Dynamic Admission Control", AdmissionRequest. */
import type { JsonObject } from "../../../api/json.ts";
import type { Kind } from "../../../api/kind.ts";
import type { User } from "../../request.ts";
import { userInfoOf } from "../../reviews/user-info.ts";

export type Operation = "CREATE" | "UPDATE" | "DELETE" | "CONNECT";

/** Who asks, and how; the server's own writes have none, and are not admitted. */
export interface Requester {
  readonly user: User;
  /** The options of the request, as far as the client named some. */
  readonly sent: JsonObject;
  /** Notes something for the audit log. */
  readonly annotate: (key: string, value: string) => void;
}

interface TypeName {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface Attributes {
  readonly operation: Operation;
  readonly kind: Kind;
  /** "": the object itself. */
  readonly subresource: string;
  /** What the object is, if a subresource takes another kind of object, e.g. Scale. */
  readonly type?: TypeName | undefined;
  readonly namespace: string;
  /** "": not named yet, or all of a collection. */
  readonly name: string;
  /** Null: there is none, e.g. of a DELETE. */
  readonly object: JsonObject | null;
  readonly oldObject: JsonObject | null;
  readonly dryRun: boolean;
  readonly requester: Requester;
}

const optionKinds: Readonly<Record<Operation, string | undefined>> = {
  CREATE: "CreateOptions",
  UPDATE: "UpdateOptions",
  DELETE: "DeleteOptions",
  CONNECT: undefined,
};

function optionsOf({ operation, requester, dryRun }: Attributes): JsonObject | null {
  const kind = optionKinds[operation];
  if (!kind) return null;
  return { kind, apiVersion: "meta.k8s.io/v1", ...requester.sent, ...(dryRun ? { dryRun: ["All"] } : {}) };
}

const typeOf = ({ group, version, kind }: TypeName): JsonObject => ({ group, version, kind });
const resourceOf = ({ group, version, plural }: Kind): JsonObject => ({ group, version, resource: plural });

/** All of an AdmissionRequest but its uid and objects; `as`: the kind, among equivalent ones, that was asked for by a rule. */
export function requestOf(attributes: Attributes, as: Kind): JsonObject {
  const { kind, subresource, type, namespace, name, operation, requester, dryRun } = attributes;
  return {
    kind: typeOf(type ?? as),
    resource: resourceOf(as),
    ...(subresource ? { subResource: subresource } : {}),
    requestKind: typeOf(type ?? kind),
    requestResource: resourceOf(kind),
    ...(subresource ? { requestSubResource: subresource } : {}),
    ...(name ? { name } : {}),
    ...(namespace ? { namespace } : {}),
    operation,
    userInfo: userInfoOf(requester.user) as unknown as JsonObject,
    dryRun,
    options: optionsOf(attributes),
  };
}
