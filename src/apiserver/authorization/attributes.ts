/** What is asked for, as far as permission depends on it. */
import type { User } from "../request.ts";

/** Of objects, e.g. { verb: "get", group: "", resource: "pods", subresource: "log", namespace: "default", name: "a" }. */
export interface ResourceAttributes {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

/** Of a path beside the objects, e.g. { verb: "get", path: "/healthz" }. */
export interface PathAttributes {
  readonly verb: string;
  readonly path: string;
}

export type Attributes = ResourceAttributes | PathAttributes;

/** `reason` names the grant, or what kept it from being found; it may be empty. */
export interface Decision {
  readonly allowed: boolean;
  readonly reason: string;
}

/** The end of the sentence "<resource> is forbidden: …". */
export function refusal(user: User, attributes: Attributes, reason = ""): string {
  const who = `User ${JSON.stringify(user.name)} cannot ${attributes.verb}`;
  const why = reason ? `: ${reason}` : "";
  if ("path" in attributes) return `${who} path ${JSON.stringify(attributes.path)}${why}`;
  const { group, resource, subresource, namespace } = attributes;
  const what = JSON.stringify(subresource ? `${resource}/${subresource}` : resource);
  const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : "at the cluster scope";
  return `${who} resource ${what} in API group ${JSON.stringify(group)} ${where}${why}`;
}
