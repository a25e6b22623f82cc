/** What a service account's token says (pure). Source: Kubernetes "Managing Service Accounts", schema for private claims; RFC 7519. */
import { randomUUID } from "node:crypto";
import type { User } from "../request.ts";

export interface Named {
  readonly name: string;
  readonly uid?: string | undefined;
}

/** The objects with whose end the token ends. */
export interface Bound {
  readonly namespace: string;
  readonly serviceaccount: Named;
  readonly pod?: Named | undefined;
  readonly secret?: Named | undefined;
  readonly node?: Named | undefined;
}

export interface AccountClaims {
  readonly aud: readonly string[];
  /** Seconds since the epoch, as the other times. */
  readonly exp: number;
  readonly iat: number;
  readonly nbf: number;
  readonly iss: string;
  readonly jti: string;
  readonly sub: string;
  readonly "kubernetes.io": Bound & { readonly warnafter?: number };
}

/** A Pod's token is asked for with these seconds; it lives for a year, for programs that read their file only once. */
const podTokenSeconds = 3607;
const yearSeconds = 365 * 24 * 3600;

export const accountUserName = (namespace: string, name: string): string =>
  `system:serviceaccount:${namespace}:${name}`;

export const accountGroups = (namespace: string): string[] => [
  "system:serviceaccounts",
  `system:serviceaccounts:${namespace}`,
];

export interface ClaimsInput {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly seconds: number;
  readonly bound: Bound;
  /** True: the audiences are the API server's own. */
  readonly forApi: boolean;
  readonly nowMs: number;
}

export function accountClaims({ issuer, audiences, seconds, bound, forApi, nowMs }: ClaimsInput): AccountClaims {
  const iat = Math.floor(nowMs / 1000);
  const extended = seconds === podTokenSeconds && bound.pod !== undefined && forApi;
  const { namespace, serviceaccount, ...others } = bound;
  const set = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined));
  return {
    aud: audiences,
    exp: iat + (extended ? yearSeconds : seconds),
    iat,
    iss: issuer,
    jti: randomUUID(),
    "kubernetes.io": { namespace, ...set, serviceaccount, ...(extended ? { warnafter: iat + seconds } : {}) },
    nbf: iat,
    sub: accountUserName(namespace, serviceaccount.name),
  };
}

/** True if decoded claims are those of a service account's token of `issuer`. */
export function isAccountClaims(claims: Readonly<Record<string, unknown>>, issuer: string): boolean {
  const bound = claims["kubernetes.io"] as Partial<Bound> | undefined;
  const { aud, exp, iss, sub } = claims;
  return (
    iss === issuer &&
    Array.isArray(aud) &&
    typeof exp === "number" &&
    typeof bound?.namespace === "string" &&
    typeof bound.serviceaccount?.name === "string" &&
    sub === accountUserName(bound.namespace, bound.serviceaccount.name)
  );
}

/** The user that a token speaks for. */
export function userOfClaims({ jti, "kubernetes.io": bound }: AccountClaims): User {
  const { namespace, serviceaccount, pod, node } = bound;
  const facts = {
    "credential-id": jti && `JTI=${jti}`,
    "node-name": node?.name,
    "node-uid": node?.uid,
    "pod-name": pod?.name,
    "pod-uid": pod?.uid,
  };
  const extra = Object.entries(facts).flatMap(([key, value]) =>
    value ? [[`authentication.kubernetes.io/${key}`, [value]] as const] : [],
  );
  return {
    name: accountUserName(namespace, serviceaccount.name),
    ...(serviceaccount.uid ? { uid: serviceaccount.uid } : {}),
    groups: [...accountGroups(namespace), "system:authenticated"],
    extra: Object.fromEntries(extra),
  };
}
