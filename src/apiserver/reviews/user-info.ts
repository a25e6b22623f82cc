/** Users as the API writes them. Source: Kubernetes API reference, UserInfo. */
import type { UserInfo } from "kubernetes-types/authentication/v1";
import type { User } from "../request.ts";

export function userInfoOf({ name, uid, groups, extra }: User): UserInfo {
  const values = Object.entries(extra ?? {}).map(([key, list]) => [key, [...list]] as [string, string[]]);
  return {
    username: name,
    ...(uid ? { uid } : {}),
    groups: [...groups],
    ...(values.length > 0 ? { extra: Object.fromEntries(values) } : {}),
  };
}
