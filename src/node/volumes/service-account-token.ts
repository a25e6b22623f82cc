/** Tokens in projected volumes: asked for, written, and renewed before they end. Source: core/v1 ServiceAccountTokenProjection. */
import type { TokenRequest } from "kubernetes-types/authentication/v1";
import type { ServiceAccountTokenProjection, Volume } from "kubernetes-types/core/v1";
import type { KubeObject, Pod } from "../../api/object.ts";
import { serviceAccounts } from "../../api/resource.ts";
import type { ApiClient } from "../../client/client.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";

export interface Token {
  readonly token: string;
  readonly expiresMs: number;
  readonly requestedMs: number;
}

const defaultSeconds = 3600;
const dayMs = 24 * 3600_000;
/** After a renewal that failed. */
const retryMs = 60_000;

/** Sources that ask for the same thing share a token. */
export const tokenKey = ({
  audience = "",
  expirationSeconds = defaultSeconds,
}: ServiceAccountTokenProjection): string => `${expirationSeconds} ${audience}`;

interface Placed {
  readonly volume: string;
  readonly source: ServiceAccountTokenProjection;
}

export function tokenSources(volumes: readonly Volume[]): Placed[] {
  return volumes.flatMap(({ name, projected }) =>
    (projected?.sources ?? []).flatMap(({ serviceAccountToken: source }) => (source ? [{ volume: name, source }] : [])),
  );
}

async function requestToken(
  { client, clock }: { client: ApiClient; clock: Clock },
  { metadata, spec }: Pod,
  { audience, expirationSeconds = defaultSeconds }: ServiceAccountTokenProjection,
): Promise<Token> {
  const { name, namespace = "default", uid = "" } = metadata;
  const account = spec.serviceAccountName || "default";
  const request = {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    metadata: { name: account, namespace },
    spec: {
      audiences: audience ? [audience] : [],
      expirationSeconds,
      boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
    },
  };
  const requestedMs = clock.now();
  const options = { subresource: "token", name: account };
  const answer: KubeObject = await client.create({ ...serviceAccounts, kind: "TokenRequest" }, request, options);
  const { status } = answer as unknown as TokenRequest;
  if (!status?.token) throw new Error("the API server answered without a token");
  return { token: status.token, expiresMs: Date.parse(`${status.expirationTimestamp}`), requestedMs };
}

/** All tokens that the volumes need, by tokenKey(). */
export async function requestTokens(
  context: { client: ApiClient; clock: Clock },
  pod: Pod,
  volumes: readonly Volume[],
): Promise<ReadonlyMap<string, Token>> {
  const sources = new Map(tokenSources(volumes).map(({ source }) => [tokenKey(source), source]));
  const requested = [...sources].map(async ([key, source]) => [key, await requestToken(context, pod, source)] as const);
  return new Map(await Promise.all(requested));
}

/** When four fifths of its life are over, and at least once a day. */
export const renewAtMs = ({ requestedMs, expiresMs }: Token): number =>
  requestedMs + Math.min(dayMs, (expiresMs - requestedMs) * 0.8);

export interface Renewal {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Gets each new token by its tokenKey(). */
  readonly replace: (key: string, token: Token) => Promise<void>;
}

/** Renews the tokens of a Pod's volumes until `signal` aborts. */
export function renewTokens(renewal: Renewal, pod: Pod, tokens: ReadonlyMap<string, Token>): void {
  const { clock, log, signal, replace } = renewal;
  const placed = tokenSources(pod.spec.volumes ?? []);
  for (const [key, first] of tokens) {
    const sample = placed.find(({ source }) => tokenKey(source) === key);
    if (!sample) continue;
    let cancel = (): void => {};
    const schedule = (atMs: number): void => {
      cancel = clock.after(Math.max(0, atMs - clock.now()), () => void renew());
    };
    const renew = async (): Promise<void> => {
      try {
        const next = await requestToken(renewal, pod, sample.source);
        if (signal.aborted) return;
        await replace(key, next);
        schedule(renewAtMs(next));
      } catch (error) {
        if (signal.aborted) return;
        log.warn("token not renewed", { error });
        schedule(clock.now() + retryMs);
      }
      if (signal.aborted) cancel();
    };
    schedule(renewAtMs(first));
    signal.addEventListener("abort", () => cancel(), { once: true });
  }
}
