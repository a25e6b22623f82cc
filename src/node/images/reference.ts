/** Names of images (pure). */

export interface ImageReference {
  /** Without registry's default parts: "busybox", "fairlead/echo", "quay.io/team/app". */
  readonly repository: string;
  /** "latest" when neither tag nor digest is given. */
  readonly tag?: string;
  readonly digest?: string;
}

/** Undefined for a name that no registry takes. Source: distribution's reference grammar, in short. */
export function parseImageReference(text: string): ImageReference | undefined {
  const [name = "", digest] = text.split("@", 2);
  const [, path = "", tag] = /^(.*?)(?::([\w][\w.-]{0,127}))?$/.exec(name) ?? [];
  if (!/^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?::\d+)?(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$/i.test(path)) return undefined;
  if (path.slice(path.indexOf("/") + 1).toLowerCase() !== path.slice(path.indexOf("/") + 1)) return undefined;
  const repository = path.replace(/^(?:index\.)?docker\.io\//, "").replace(/^library\//, "");
  if (digest !== undefined)
    return /^\w+:[0-9a-f]{32,}$/.test(digest) ? { repository, digest, ...(tag && { tag }) } : undefined;
  return { repository, tag: tag ?? "latest" };
}

/** Source: core/v1 Container.imagePullPolicy: Always for :latest or no tag, else IfNotPresent. */
export function defaultPullPolicy({ tag, digest }: ImageReference): "Always" | "IfNotPresent" {
  return digest === undefined && tag === "latest" ? "Always" : "IfNotPresent";
}
