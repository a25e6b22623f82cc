/** Where a registry is (pure): no name is asked for unless the user said where. */
import type { ImageReference } from "../reference.ts";
import { ImageError } from "./manifest.ts";

/** Host as in image names ("docker.io", "quay.io", "localhost:5000") → base of its API. */
export type RegistryMirrors = Readonly<Record<string, string>>;

const loopback = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Throws ImageError for a URL that is none, or that would send credentials and images in the clear. */
export function checkRegistryUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:" || (url?.protocol === "http:" && loopback.has(url.hostname))) return url;
  throw new ImageError(`Cannot use the registry "${text}": it must be an https URL, or http on localhost`);
}

/** "HOST=URL". */
export function parseMirror(text: string): readonly [string, string] {
  const [, host, url] = /^([^=/\s]+)=(\S+)$/.exec(text) ?? [];
  if (!host || !url) throw new ImageError(`Cannot use the registry mirror "${text}": it must be HOST=URL`);
  return [host, checkRegistryUrl(url).href.replace(/\/$/, "")];
}

/** Registry and path of a repository; names without a registry are docker.io's. */
export function splitRepository({ repository }: Pick<ImageReference, "repository">): { host: string; path: string } {
  const [first = "", ...rest] = repository.split("/");
  if (rest.length > 0 && (/[.:]/.test(first) || first === "localhost")) return { host: first, path: rest.join("/") };
  return { host: "docker.io", path: rest.length > 0 ? repository : `library/${repository}` };
}

/** Parameters of a WWW-Authenticate header. Source: RFC 9110, 11.6.1; distribution, "Token Authentication". */
export function parseChallenge(header: string): { scheme: string; parameters: Readonly<Record<string, string>> } {
  const [, scheme = "", rest = ""] = /^(\S+)\s*(.*)$/.exec(header) ?? [];
  const found = rest.matchAll(/([\w-]+)="([^"]*)"/g);
  return {
    scheme: scheme.toLowerCase(),
    parameters: Object.fromEntries([...found].map(([, key, value]) => [key, value])),
  };
}
