/** Makes links of a proxied page lead through the proxy (pure). */

export interface Rewrite {
  /** e.g. "/api/v1/namespaces/default/pods/a/proxy" */
  readonly prefix: string;
  /** The proxied server as it is addressed, e.g. "10.244.0.5:80". */
  readonly host: string;
}

/** Paths of the server's own, and URLs that name it; all others stay. */
export function rewriteLocation(location: string, { prefix, host }: Rewrite): string {
  const own = /^https?:\/\/([^/?#]+)(.*)$/i.exec(location);
  if (own && own[1]?.toLowerCase() !== host.toLowerCase()) return location;
  const path = own ? own[2] || "/" : location;
  if (!path.startsWith("/") || path.startsWith("//")) return location;
  return path === prefix || path.startsWith(`${prefix}/`) ? path : prefix + path;
}

/** Attributes whose value is a URL (HTML 4 and 5, index of attributes). */
const attributes =
  "action|background|cite|classid|codebase|data|formaction|href|icon|longdesc|manifest|poster|profile|src|usemap";
const oneTag = /<[a-z][^<>]*>/gi;
const oneLink = new RegExp(`(\\s(?:${attributes})\\s*=\\s*)(["'])(.*?)\\2`, "gi");

export function rewriteLinks(html: string, rewrite: Rewrite): string {
  return html.replace(oneTag, (tag) =>
    tag.replace(oneLink, (_, name: string, mark: string, url: string) => {
      return `${name}${mark}${rewriteLocation(url, rewrite)}${mark}`;
    }),
  );
}
