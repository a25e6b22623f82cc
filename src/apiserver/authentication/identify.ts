/** Who a request is from, and in whose name it is made. */
import type { IncomingMessage } from "node:http";
import type { Authorizer } from "../authorization/authorizer.ts";
import type { User } from "../request.ts";
import { impersonated } from "./impersonation.ts";

export interface Identity {
  /** Whose permissions count. */
  readonly user: User;
  /** Who really asks, if it is another one. */
  readonly impersonator?: User;
}

/** Throws ApiFault (403) when `user` may not act as the one who is named. */
export async function identify(request: IncomingMessage, user: User, authorizer: Authorizer): Promise<Identity> {
  const { headers } = request;
  const lines = (name: string): readonly string[] =>
    headers[name] === undefined ? [] : (request.headersDistinct[name] ?? []);
  const other = await impersonated(user, { headers, lines, authorizer });
  return other ? { user: other, impersonator: user } : { user };
}
