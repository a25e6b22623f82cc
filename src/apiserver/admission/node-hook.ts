/** A node makes and changes no Node and no Lease but its own, whatever name stands in the body. Source: admission plugin NodeRestriction. */
import { leases, nodes, type Resource } from "../../api/resource.ts";
import { forbidden } from "../../api/status.ts";
import { nodeOf } from "../authorization/node-authorizer.ts";
import { admitted, type WriteHook } from "./write-hook.ts";

function ownOnly(resource: Resource, why: (node: string, name: string) => string): [string, WriteHook] {
  const hook: WriteHook = {
    admit({ metadata: { name } }, _old, user) {
      const node = user && nodeOf(user);
      if (node !== undefined && name !== node) throw forbidden(resource, name, why(node, name));
      return admitted;
    },
  };
  return [resource.plural, hook];
}

/** By plural name. */
export const nodeHooks: readonly (readonly [string, WriteHook])[] = [
  ownOnly(nodes, (node, name) => `node ${JSON.stringify(node)} is not allowed to modify node ${JSON.stringify(name)}`),
  ownOnly(leases, () => "can only access node lease with the same name as the requesting node"),
];
