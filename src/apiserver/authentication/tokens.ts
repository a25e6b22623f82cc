/** Makes and judges the tokens of service accounts. */
import { nodes, pods, type Resource, secrets, serviceAccounts } from "../../api/resource.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Store } from "../../store/store.ts";
import { objectOf } from "../codec.ts";
import { objectStoreKey } from "../keys.ts";
import type { User } from "../request.ts";
import {
  type AccountClaims,
  accountClaims,
  type Bound,
  isAccountClaims,
  type Named,
  userOfClaims,
} from "./account-token.ts";
import type { SigningKey } from "./signing-key.ts";

export type Verdict =
  | { readonly ok: true; readonly user: User; readonly audiences: readonly string[] }
  | { readonly ok: false; readonly reason: string };

export interface Tokens {
  readonly key: SigningKey;
  readonly issuer: string;
  /** What a token must be for, to be taken by this API server. */
  readonly audiences: readonly string[];
  make(options: { audiences: readonly string[]; seconds: number; bound: Bound }): string;
  /** `audiences`: at least one of them must be the token's. */
  judge(token: string, audiences?: readonly string[]): Promise<Verdict>;
}

export interface TokensOptions {
  readonly key: SigningKey;
  readonly issuer: string;
  readonly store: Store;
  readonly clock: Clock;
}

const keptTokens = 2000;
/** Clocks may differ by this much. */
const leewaySeconds = 10;
/** An object that is being deleted counts as there for so long beyond its grace period. */
const deletionLeewayMs = 60_000;

const refused = (reason: string): Verdict => ({ ok: false, reason });

/** Claims of tokens whose signature was found good, so that it is checked once for each token. */
function rememberingVerify(key: SigningKey, issuer: string): (token: string) => AccountClaims | undefined {
  const known = new Map<string, AccountClaims>();
  return (token) => {
    const found = known.get(token);
    if (found) return found;
    const claims = key.verify(token);
    if (!claims || !isAccountClaims(claims, issuer)) return undefined;
    const [oldest] = known.keys();
    if (known.size >= keptTokens && oldest !== undefined) known.delete(oldest);
    known.set(token, claims as unknown as AccountClaims);
    return claims as unknown as AccountClaims;
  };
}

/** Why a bound object does not stand any more; undefined: it does. */
async function lost(
  { store, clock }: TokensOptions,
  { resource, namespace, named }: { resource: Resource; namespace: string | undefined; named: Named },
): Promise<string | undefined> {
  const entry = await store.get(objectStoreKey(resource, namespace, named.name));
  const what = `${resource.kind.toLowerCase()} ${namespace ? `${namespace}/` : ""}${named.name}`;
  if (!entry) return `${what} has been deleted`;
  const { uid, deletionTimestamp } = objectOf(entry.value).metadata;
  if (named.uid && uid !== named.uid) return `${what} UID (${uid}) does not match claim (${named.uid})`;
  const ended = deletionTimestamp && Date.parse(deletionTimestamp) + deletionLeewayMs < clock.now();
  return ended ? `${what} has been deleted` : undefined;
}

async function lostOf(options: TokensOptions, bound: Bound): Promise<string | undefined> {
  const { namespace, serviceaccount, pod, secret } = bound;
  const objects = [
    { resource: serviceAccounts, namespace, named: serviceaccount },
    ...(pod ? [{ resource: pods, namespace, named: pod }] : []),
    ...(secret ? [{ resource: secrets, namespace, named: secret }] : []),
    // A Pod's token names its node for information only.
    ...(bound.node && !pod ? [{ resource: nodes, namespace: undefined, named: bound.node }] : []),
  ];
  for (const object of objects) {
    const reason = await lost(options, object);
    if (reason) return reason;
  }
  return undefined;
}

export function createTokens(options: TokensOptions): Tokens {
  const { key, issuer, clock } = options;
  const verify = rememberingVerify(key, issuer);
  const own = [issuer];
  return {
    key,
    issuer,
    audiences: own,
    make({ audiences, seconds, bound }) {
      const forApi = audiences.some((audience) => own.includes(audience));
      return key.sign(accountClaims({ issuer, audiences, seconds, bound, forApi, nowMs: clock.now() }));
    },
    async judge(token, audiences = own) {
      const claims = verify(token);
      if (!claims) return refused("invalid bearer token");
      const nowSeconds = clock.now() / 1000;
      if (claims.exp + leewaySeconds < nowSeconds) return refused("service account token has expired");
      if (claims.nbf - leewaySeconds > nowSeconds) return refused("service account token is not valid yet");
      const shared = claims.aud.filter((audience) => audiences.includes(audience));
      if (shared.length === 0) {
        const lists = [claims.aud, audiences].map((list) => JSON.stringify(list).replaceAll(",", " "));
        return refused(`token audiences ${lists[0]} is invalid for the target audiences ${lists[1]}`);
      }
      const reason = await lostOf(options, claims["kubernetes.io"]);
      return reason ? refused(reason) : { ok: true, user: userOfClaims(claims), audiences: shared };
    },
  };
}
