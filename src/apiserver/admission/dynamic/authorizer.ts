/** The variable `authorizer` of expressions: what the requester, or a service account, may do by its roles. */
import { Authorizer, type Question } from "../../../api/cel/authorizer.ts";
import { accountGroups, accountUserName } from "../../authentication/account-token.ts";
import type { ServerContext } from "../../context.ts";
import type { User } from "../../request.ts";
import type { Attributes } from "./attributes.ts";

function userOf({ namespace, name }: NonNullable<Question["account"]>): User {
  return { name: accountUserName(namespace, name), groups: [...accountGroups(namespace), "system:authenticated"] };
}

export function authorizerFor({ authorizer }: ServerContext, attributes: Attributes): Authorizer {
  const { kind, subresource, namespace, name, requester } = attributes;
  const decide = ({ account, path, verb, ...asked }: Question): { allowed: boolean; reason: string } => {
    const user = account ? userOf(account) : requester.user;
    if (path !== undefined) return authorizer.decideByRole(user, { verb, path });
    const { group = "", resource = "" } = asked;
    const place = { subresource: asked.subresource, namespace: asked.namespace, name: asked.name };
    return authorizer.decideByRole(user, { verb, group, resource, ...place });
  };
  return new Authorizer(decide, {
    group: kind.group,
    resource: kind.plural,
    ...(subresource ? { subresource } : {}),
    ...(kind.namespaced && namespace ? { namespace } : {}),
    ...(name ? { name } : {}),
  });
}
