/** One registry's HTTP API, with its authentication. Source: distribution-spec v1.1; distribution, "Token Authentication". */
import type { Credential } from "../pull-secret.ts";
import { ImageError } from "./manifest.ts";
import { checkRegistryUrl, parseChallenge } from "./registry-url.ts";

export interface RegistrySessionOptions {
  /** Of the API, without "/v2", e.g. "http://127.0.0.1:5000". */
  readonly base: string;
  /** e.g. "library/busybox". */
  readonly path: string;
  /** Tried one after the other, after none at all. */
  readonly credentials: readonly Credential[];
}

const headersTimeoutMs = 30_000;
const maxRedirects = 5;

const basic = ({ username, password }: Credential): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;

/** Follows redirects to allowed URLs only; credentials stay with the first one's origin. */
async function request(url: URL, headers: Readonly<Record<string, string>>): Promise<Response> {
  let [target, sent] = [url, headers];
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), headersTimeoutMs);
    const response = await fetch(target, { headers: sent, redirect: "manual", signal: stop.signal })
      .catch((error: Error) => {
        const { cause } = error;
        throw new ImageError(
          `Cannot reach the registry ${target.origin}: ${cause instanceof Error ? cause.message : error.message}`,
        );
      })
      .finally(() => clearTimeout(timer));
    const location = response.headers.get("location");
    if (response.status < 300 || response.status >= 400 || location === null) return response;
    await response.body?.cancel();
    const next = checkRegistryUrl(new URL(location, target).href);
    if (next.origin !== target.origin) {
      const { authorization: _, ...others } = sent as Record<string, string>;
      sent = others;
    }
    target = next;
  }
  throw new ImageError(`Cannot pull from ${url.origin}: it redirects without end`);
}

export class RegistrySession {
  readonly #options: RegistrySessionOptions;
  #authorization: string | undefined;

  constructor(options: RegistrySessionOptions) {
    this.#options = options;
  }

  /** `what` is "manifests/<tag or digest>" or "blobs/<digest>". Throws ImageError unless the answer is 200. */
  async get(what: string, accept: readonly string[] = []): Promise<Response> {
    const { base, path } = this.#options;
    const url = checkRegistryUrl(`${base}/v2/${path}/${what}`);
    const send = () =>
      request(url, {
        ...(accept.length > 0 && { accept: accept.join(", ") }),
        ...(this.#authorization !== undefined && { authorization: this.#authorization }),
      });
    let response = await send();
    for (const credential of [undefined, ...this.#options.credentials]) {
      if (response.status !== 401) break;
      await response.body?.cancel();
      this.#authorization = await this.#authorize(response.headers.get("www-authenticate") ?? "", credential);
      if (this.#authorization !== undefined) response = await send();
    }
    if (response.status === 200) return response;
    await response.body?.cancel();
    throw new ImageError(this.#sentence(response.status, what));
  }

  async #authorize(header: string, credential: Credential | undefined): Promise<string | undefined> {
    const { scheme, parameters } = parseChallenge(header);
    if (scheme === "basic") return credential && basic(credential);
    if (scheme !== "bearer" || parameters.realm === undefined) return undefined;
    const realm = checkRegistryUrl(parameters.realm);
    if (parameters.service !== undefined) realm.searchParams.set("service", parameters.service);
    realm.searchParams.set("scope", parameters.scope ?? `repository:${this.#options.path}:pull`);
    const response = await request(realm, credential ? { authorization: basic(credential) } : {});
    if (response.status !== 200) {
      await response.body?.cancel();
      return undefined;
    }
    const answer = (await response.json()) as { readonly token?: string; readonly access_token?: string };
    const token = answer.token ?? answer.access_token;
    return token === undefined ? undefined : `Bearer ${token}`;
  }

  #sentence(status: number, what: string): string {
    const { base, path, credentials } = this.#options;
    const place = `${base}/v2/${path}/${what}`;
    if (status === 404) return `Cannot pull: ${place} is not found`;
    if (status !== 401 && status !== 403) return `Cannot pull: ${place} answered ${status}`;
    const why =
      credentials.length > 0
        ? "the credentials of imagePullSecrets are refused"
        : "it wants credentials (imagePullSecrets)";
    return `Cannot pull: ${place}: ${why}`;
  }
}
