/** Acting as someone else (kubectl --as). Source: Kubernetes "Authenticating", user impersonation. */
import type { IncomingHttpHeaders } from "node:http";
import { badRequest, forbidden } from "../../api/status.ts";
import { type ResourceAttributes, refusal } from "../authorization/attributes.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import type { User } from "../request.ts";
import { accountGroups } from "./account-token.ts";

const extraPrefix = "impersonate-extra-";
const accountPrefix = "system:serviceaccount:";
const authenticated = "system:authenticated";

/** Every header line, also of headers that Node joins with ", ". */
export type HeaderLines = (name: string) => readonly string[];

interface Wanted {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid: string | undefined;
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

function wantedOf(headers: IncomingHttpHeaders, lines: HeaderLines): Wanted | undefined {
  const [name = ""] = lines("impersonate-user");
  const groups = lines("impersonate-group").filter(Boolean);
  const [uid] = lines("impersonate-uid");
  const extraHeaders = Object.keys(headers).filter((header) => header.startsWith(extraPrefix));
  if (!name) {
    if (groups.length === 0 && uid === undefined && extraHeaders.length === 0) return undefined;
    throw badRequest("requested [groups, uid or extra] without impersonating a user");
  }
  const extra = extraHeaders.map((header) => {
    const key = header.slice(extraPrefix.length);
    return [/%[0-9a-f]{2}/i.test(key) ? decodeKey(key) : key, lines(header)] as const;
  });
  return { name, groups, uid: uid || undefined, extra: Object.fromEntries(extra) };
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    throw badRequest(`Cannot read the header Impersonate-Extra-${key}: it has a broken % escape`);
  }
}

/** A service account's namespace and name; undefined: the user is none. */
function accountOf(user: string): { namespace: string; name: string } | undefined {
  if (!user.startsWith(accountPrefix)) return undefined;
  const [namespace = "", name = "", ...rest] = user.slice(accountPrefix.length).split(":");
  return namespace && name && rest.length === 0 ? { namespace, name } : undefined;
}

const asked = (group: string, resource: string, name: string, more: Partial<ResourceAttributes> = {}) => ({
  verb: "impersonate",
  group,
  resource,
  subresource: undefined,
  namespace: undefined,
  name,
  ...more,
});

/** Everything that must be allowed, one by one. */
function permissionsOf({ name, groups, uid, extra }: Wanted): ResourceAttributes[] {
  const account = accountOf(name);
  const group = "authentication.k8s.io";
  return [
    account ? asked("", "serviceaccounts", account.name, { namespace: account.namespace }) : asked("", "users", name),
    ...groups.map((one) => asked("", "groups", one)),
    ...(uid ? [asked(group, "uids", uid)] : []),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((value) => asked(group, "userextras", value, { subresource: key })),
    ),
  ];
}

/** Groups that nobody has to name: those of every service account, and that of all who are known. */
function groupsOf({ name, groups }: Wanted): string[] {
  if (name === "system:anonymous") return groups.length > 0 ? [...groups] : ["system:unauthenticated"];
  const account = accountOf(name);
  const own = groups.length === 0 && account ? accountGroups(account.namespace) : [...groups];
  return own.includes(authenticated) || own.includes("system:unauthenticated") ? own : [...own, authenticated];
}

/** Undefined: the request is in the user's own name. Throws ApiFault: 400, 403. */
export async function impersonated(
  user: User,
  { headers, lines, authorizer }: { headers: IncomingHttpHeaders; lines: HeaderLines; authorizer: Authorizer },
): Promise<User | undefined> {
  const wanted = wantedOf(headers, lines);
  if (!wanted) return undefined;
  for (const attributes of permissionsOf(wanted)) {
    const { allowed, reason } = await authorizer.decide(user, attributes);
    if (allowed) continue;
    const target = { group: attributes.group, plural: attributes.resource };
    throw forbidden(target, attributes.name ?? "", refusal(user, attributes, reason));
  }
  const { name, uid, extra } = wanted;
  return {
    name,
    groups: groupsOf(wanted),
    ...(uid ? { uid } : {}),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}
