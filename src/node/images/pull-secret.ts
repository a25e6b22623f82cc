/** Credentials of imagePullSecrets (pure). Source: core/v1 Secret types kubernetes.io/dockerconfigjson and kubernetes.io/dockercfg. */

export interface Credential {
  readonly username: string;
  readonly password: string;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** "https://index.docker.io/v1/" → "docker.io". */
function hostOf(key: string): string {
  const host = key.replace(/^https?:\/\//, "").split("/")[0] ?? "";
  return host === "index.docker.io" || host === "registry-1.docker.io" ? "docker.io" : host;
}

function credentialOf(entry: unknown): Credential | undefined {
  if (!isRecord(entry)) return undefined;
  const { username, password, auth } = entry;
  if (typeof username === "string" && typeof password === "string") return { username, password };
  if (typeof auth !== "string") return undefined;
  const text = Buffer.from(auth, "base64").toString();
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Those of a Secret's data (in base64, as in the API) for a registry, e.g. "localhost:5000". */
export function credentialsFor(host: string, data: Readonly<Record<string, string>>): readonly Credential[] {
  return [".dockerconfigjson", ".dockercfg"].flatMap((key) => {
    try {
      const parsed: unknown = JSON.parse(Buffer.from(data[key] ?? "", "base64").toString());
      const entries = isRecord(parsed) && isRecord(parsed.auths) ? parsed.auths : parsed;
      if (!isRecord(entries)) return [];
      const mine = Object.entries(entries).filter(([name]) => hostOf(name) === host);
      return mine.flatMap(([, entry]) => credentialOf(entry) ?? []);
    } catch {
      return [];
    }
  });
}
