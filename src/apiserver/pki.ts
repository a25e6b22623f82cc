/** The cluster's certificates: made once, kept in a folder, made again when they near their end or miss a name. */
import { generateKeyPairSync, randomUUID, X509Certificate } from "node:crypto";
import { chmod, link, mkdir, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** PEM texts of a certificate and of its private key. */
export interface Credential {
  readonly certificate: string;
  readonly key: string;
}

/** Clients: "admin", "control-plane", "kube-proxy", "coredns", "kubelet-client" (API server to nodes), "node-<name>". */
export type ClientName =
  | "admin"
  | "control-plane"
  | "kube-proxy"
  | "coredns"
  | "load-balancer"
  | "kubelet-client"
  | `node-${string}`;

export interface Pki {
  /** PEM text of the certificate authority's certificate. */
  readonly ca: string;
  /** The API server's serving certificate. */
  readonly server: Credential;
  /** PEM text of the private key that signs service accounts' tokens: EC P-256 when made here, or an RSA key put in its place. */
  readonly tokenKey: string;
  /** A client's credential; a node's one serves on the node's address as well. Throws RangeError for an unknown name. */
  client(name: ClientName): Credential;
}

export interface PkiOptions {
  /** Names and addresses of the API server, e.g. ["localhost", "127.0.0.1", "10.96.0.1"]. */
  readonly hosts: readonly string[];
  readonly nodes: readonly { readonly name: string; readonly addresses: readonly string[] }[];
}

/** What one certificate must say. */
interface Wanted {
  readonly file: string;
  readonly commonName: string;
  readonly organization?: string;
  /** Empty: a client only. */
  readonly hosts: readonly string[];
}

const renewBeforeMs = 30 * 24 * 3600 * 1000;

const clients: readonly Wanted[] = [
  { file: "admin", commonName: "kubernetes-admin", organization: "system:masters", hosts: [] },
  { file: "control-plane", commonName: "system:kube-controller-manager", organization: "system:masters", hosts: [] },
  { file: "kube-proxy", commonName: "system:kube-proxy", organization: "system:node-proxier", hosts: [] },
  { file: "coredns", commonName: "system:serviceaccount:kube-system:coredns", organization: "system:dns", hosts: [] },
  { file: "load-balancer", commonName: "system:load-balancer", organization: "system:load-balancers", hosts: [] },
  { file: "kubelet-client", commonName: "kube-apiserver-kubelet-client", organization: "system:masters", hosts: [] },
];

/** The hosts that every API server of this cluster is known by, beside its own addresses. */
const standardHosts = [
  "localhost",
  "127.0.0.1",
  "kubernetes",
  "kubernetes.default",
  "kubernetes.default.svc",
  "kubernetes.default.svc.cluster.local",
] as const;

function wantedOf({ hosts, nodes }: PkiOptions): Wanted[] {
  return [
    { file: "apiserver", commonName: "kube-apiserver", hosts: [...new Set([...standardHosts, ...hosts])] },
    ...clients,
    ...nodes.map(({ name, addresses }) => ({
      file: `node-${name}`,
      commonName: `system:node:${name}`,
      organization: "system:nodes",
      hosts: [name, ...addresses],
    })),
  ];
}

/** Each file holds certificate and key, so that a crash can not leave one without the other. */
function parsePem(text: string): Credential | undefined {
  const block = (label: string): string | undefined =>
    new RegExp(`-----BEGIN ${label}-----[\\s\\S]*?-----END ${label}-----`).exec(text)?.[0];
  const certificate = block("CERTIFICATE");
  const key = block("PRIVATE KEY");
  return certificate && key ? { certificate: `${certificate}\n`, key: `${key}\n` } : undefined;
}

async function readCredential(path: string): Promise<Credential | undefined> {
  try {
    return parsePem(await readFile(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function writeCredential(path: string, { certificate, key }: Credential): Promise<void> {
  await writeFile(`${path}.new`, `${certificate}${key}`, { mode: 0o600 });
  await chmod(`${path}.new`, 0o600);
  await rename(`${path}.new`, path);
}

/** True if `credential` may be kept: of this authority, with these names, and with time left. */
function fits(credential: Credential, wanted: Wanted, ca: X509Certificate, nowMs: number): boolean {
  const certificate = new X509Certificate(credential.certificate);
  return (
    certificate.checkIssued(ca) &&
    certificate.verify(ca.publicKey) &&
    Date.parse(certificate.validTo) - nowMs > renewBeforeMs &&
    certificate.subject.split("\n").includes(`CN=${wanted.commonName}`) &&
    wanted.hosts.every((host) =>
      /^[\d.]+$|:/.test(host) ? certificate.checkIP(host) !== undefined : certificate.checkHost(host) !== undefined,
    )
  );
}

/** Tokens outlive the process, so their key is kept as the certificates are. */
async function ensureTokenKey(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, pem, { mode: 0o600 });
  // Another process may do the same: the first key counts for both.
  await link(draft, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  await unlink(draft);
  return readFile(path, "utf8");
}

/** Loads the folder's certificates; makes those that are missing, outdated or lack a host. Files have mode 0600. */
export async function ensurePki(dir: string, options: PkiOptions): Promise<Pki> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const path = (file: string): string => join(dir, `${file}.pem`);
  const nowMs = Date.now();
  const kept = await readCredential(path("ca"));
  const outdated = !kept || Date.parse(new X509Certificate(kept.certificate).validTo) - nowMs <= renewBeforeMs;
  const ca = outdated ? await (await import("./certificates.ts")).makeAuthority() : kept;
  if (outdated) await writeCredential(path("ca"), ca);
  const authority = new X509Certificate(ca.certificate);
  const entries = wantedOf(options).map(async (wanted): Promise<[string, Credential]> => {
    const old = await readCredential(path(wanted.file));
    if (old && fits(old, wanted, authority, nowMs)) return [wanted.file, old];
    const made = await (await import("./certificates.ts")).makeCertificate(ca, wanted);
    await writeCredential(path(wanted.file), made);
    return [wanted.file, made];
  });
  const credentials = new Map(await Promise.all(entries));
  const client = (name: string): Credential => {
    const credential = credentials.get(name);
    if (!credential) throw new RangeError(`Cannot use the client certificate "${name}": none was made under that name`);
    return credential;
  };
  return {
    ca: ca.certificate,
    server: client("apiserver"),
    tokenKey: await ensureTokenKey(join(dir, "sa.key")),
    client,
  };
}
