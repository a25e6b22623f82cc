/** Who may do what. For now: the cluster's own parts may do all; roles take this file's place later. */
import type { User } from "./request.ts";

/** What is asked for, as far as permission depends on it. */
export type Attributes =
  | {
      readonly verb: string;
      readonly group: string;
      readonly resource: string;
      readonly subresource: string | undefined;
      readonly namespace: string | undefined;
      readonly name: string | undefined;
    }
  /** A path beside the resources, e.g. { verb: "get", path: "/healthz" }. */
  | { readonly verb: string; readonly path: string };

const trustedGroups = new Set([
  "system:masters",
  "system:nodes",
  "system:node-proxier",
  "system:dns",
  "system:load-balancers",
]);

const publicPaths = /^\/(healthz|livez|readyz|version)(\/|$)/;

export function authorize(user: User, attributes: Attributes): boolean {
  if (user.groups.some((group) => trustedGroups.has(group))) return true;
  return "path" in attributes && publicPaths.test(attributes.path);
}

/** The end of the sentence "<resource> is forbidden: …". */
export function refusal(user: User, attributes: Attributes): string {
  const who = `User ${JSON.stringify(user.name)} cannot ${attributes.verb}`;
  if ("path" in attributes) return `${who} path ${JSON.stringify(attributes.path)}`;
  const { group, resource, subresource, namespace } = attributes;
  const what = JSON.stringify(subresource ? `${resource}/${subresource}` : resource);
  const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : "at the cluster scope";
  return `${who} resource ${what} in API group ${JSON.stringify(group)} ${where}`;
}
