/** Where the API server is and who we are, found as kubectl finds it. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import type { ClientConfig } from "./transport.ts";

/** A kubeconfig or in-cluster token that cannot be used; the message is one sentence for the user. */
export class KubeconfigError extends Error {
  readonly code = "KUBECONFIG";
}

export interface KubeconfigOptions {
  /** Context to use; default: current-context. */
  readonly context?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Folder of the in-cluster token. */
  readonly serviceAccountDir?: string;
}

interface Cluster {
  server?: string;
  "certificate-authority"?: string;
  "certificate-authority-data"?: string;
  "insecure-skip-tls-verify"?: boolean;
  "tls-server-name"?: string;
}

interface User {
  "client-certificate"?: string;
  "client-certificate-data"?: string;
  "client-key"?: string;
  "client-key-data"?: string;
  token?: string;
  tokenFile?: string;
  username?: string;
  exec?: unknown;
  "auth-provider"?: unknown;
}

interface Context {
  cluster?: string;
  user?: string;
  namespace?: string;
}

/** An entry and the file that it came from: its relative paths start there. */
interface Found<T> {
  readonly value: T;
  readonly file: string;
}

interface Merged {
  currentContext: string | undefined;
  readonly clusters: Map<string, Found<Cluster>>;
  readonly users: Map<string, Found<User>>;
  readonly contexts: Map<string, Found<Context>>;
}

const defaultServiceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * From `path` if given, else the files of KUBECONFIG (the first that sets a value wins), else ~/.kube/config, else the
 * Pod's service account. Throws KubeconfigError.
 */
export async function loadKubeconfig(path: string | undefined, options: KubeconfigOptions = {}): Promise<ClientConfig> {
  const { env = process.env, serviceAccountDir = defaultServiceAccountDir } = options;
  const listed = (env.KUBECONFIG ?? "").split(delimiter).filter(Boolean);
  const candidates = path ? [path] : listed.length > 0 ? listed : [join(env.HOME ?? homedir(), ".kube", "config")];
  const found = candidates.flatMap((file) => {
    const text = readIfThere(file);
    return text === undefined ? [] : [{ file: resolve(file), text }];
  });
  if (found.length > 0) return select(await merge(found), options.context);
  const missing = candidates.map((file) => `"${file}"`).join(", ");
  if (path) throw new KubeconfigError(`Cannot read kubeconfig ${missing}: there is no such file`);
  const inCluster = loadInCluster(serviceAccountDir, env);
  if (inCluster) return inCluster;
  throw new KubeconfigError(
    `Cannot find an API server: no kubeconfig at ${missing}, and this is no Pod with a service account`,
  );
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new KubeconfigError(`Cannot read "${file}": ${(cause as Error).message}`, { cause });
  }
}

function readFrom(file: string, what: string): string {
  const text = readIfThere(file);
  if (text === undefined) throw new KubeconfigError(`Cannot read ${what} "${file}": there is no such file`);
  return text;
}

async function merge(files: readonly { file: string; text: string }[]): Promise<Merged> {
  const merged: Merged = { currentContext: undefined, clusters: new Map(), users: new Map(), contexts: new Map() };
  for (const { file, text } of files) {
    const document = await parseFile(file, text);
    merged.currentContext ??= (document["current-context"] as string | undefined) || undefined;
    collect(merged.clusters, document.clusters, { file, field: "cluster" });
    collect(merged.users, document.users, { file, field: "user" });
    collect(merged.contexts, document.contexts, { file, field: "context" });
  }
  return merged;
}

async function parseFile(file: string, text: string): Promise<Record<string, unknown>> {
  let document: unknown;
  try {
    document = jsonOf(text) ?? (await import("../lib/yaml.ts")).parse(text);
  } catch (cause) {
    const reason = (cause as Error).message.split("\n")[0];
    throw new KubeconfigError(`Cannot read kubeconfig "${file}": it is no YAML (${reason})`, { cause });
  }
  if (document === null) return {};
  if (typeof document !== "object" || Array.isArray(document)) {
    throw new KubeconfigError(`Cannot read kubeconfig "${file}": it holds no mapping`);
  }
  return document as Record<string, unknown>;
}

/** JSON is YAML too, and what fairlead itself writes: a start without the parser of YAML is 20 ms sooner. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function collect<T>(
  into: Map<string, Found<T>>,
  list: unknown,
  { file, field }: { file: string; field: string },
): void {
  if (!Array.isArray(list)) return;
  for (const item of list as (Record<string, unknown> | null)[]) {
    const name = item?.name;
    if (typeof name === "string" && !into.has(name)) into.set(name, { value: (item?.[field] ?? {}) as T, file });
  }
}

function select(merged: Merged, wanted: string | undefined): ClientConfig {
  const name = wanted ?? merged.currentContext;
  if (!name) throw new KubeconfigError("Cannot use the kubeconfig: it has no current-context");
  const context = merged.contexts.get(name)?.value;
  if (!context) throw new KubeconfigError(`Cannot use context "${name}": the kubeconfig does not have it`);
  const cluster = merged.clusters.get(context.cluster ?? "");
  if (!cluster?.value.server) {
    throw new KubeconfigError(`Cannot use context "${name}": its cluster "${context.cluster ?? ""}" has no server`);
  }
  if (!URL.canParse(cluster.value.server)) {
    throw new KubeconfigError(
      `Cannot use cluster "${context.cluster}": its server "${cluster.value.server}" is no URL`,
    );
  }
  const user = merged.users.get(context.user ?? "");
  if (context.user && !user) {
    throw new KubeconfigError(`Cannot use context "${name}": the kubeconfig does not have its user "${context.user}"`);
  }
  return {
    server: cluster.value.server,
    ca: pem(cluster, { data: "certificate-authority-data", path: "certificate-authority" }),
    insecureSkipTlsVerify: cluster.value["insecure-skip-tls-verify"],
    tlsServerName: cluster.value["tls-server-name"],
    namespace: context.namespace || "default",
    ...(user ? credentials(user, context.user ?? "") : {}),
  };
}

function credentials(user: Found<User>, name: string): Pick<ClientConfig, "cert" | "key" | "token"> {
  const { exec, token, tokenFile, username } = user.value;
  if (exec || user.value["auth-provider"] || username) {
    const what = exec ? "an exec plugin" : username ? "a password" : "an auth-provider";
    throw new KubeconfigError(
      `Cannot use user "${name}": it logs in by ${what}, which fairlead does not do; use a client certificate or a token`,
    );
  }
  const cert = pem(user, { data: "client-certificate-data", path: "client-certificate" });
  const key = pem(user, { data: "client-key-data", path: "client-key" });
  if ((cert === undefined) !== (key === undefined)) {
    throw new KubeconfigError(`Cannot use user "${name}": it needs both a client certificate and its key`);
  }
  return { cert, key, token: tokenFile ? tokenReader(resolve(dirname(user.file), tokenFile)) : token };
}

/** The PEM text given inline (base64) or by a path relative to the kubeconfig; inline wins. */
function pem<T extends Cluster | User>(
  { value, file }: Found<T>,
  names: { data: keyof T & string; path: keyof T & string },
): string | undefined {
  const data = value[names.data];
  if (typeof data === "string" && data) return Buffer.from(data, "base64").toString("utf8");
  const path = value[names.path];
  return typeof path === "string" && path ? readFrom(resolve(dirname(file), path), names.path) : undefined;
}

/** Tokens of Pods change about once an hour: the file is read again after this time. */
const tokenAgeMs = 60_000;

function tokenReader(file: string): () => Promise<string> {
  let token = "";
  let readAt = Number.NEGATIVE_INFINITY;
  return async () => {
    if (Date.now() - readAt > tokenAgeMs) {
      token = readFrom(file, "token").trim();
      readAt = Date.now();
    }
    return token;
  };
}

function loadInCluster(dir: string, env: Readonly<Record<string, string | undefined>>): ClientConfig | undefined {
  const host = env.KUBERNETES_SERVICE_HOST;
  const tokenFile = join(dir, "token");
  if (!host || readIfThere(tokenFile) === undefined) return undefined;
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${env.KUBERNETES_SERVICE_PORT ?? "443"}`,
    ca: readIfThere(join(dir, "ca.crt")),
    token: tokenReader(tokenFile),
    namespace: readIfThere(join(dir, "namespace"))?.trim() || "default",
  };
}
