/** Certificates and kubeconfigs of a cluster's own processes. */
import { execFile } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { formatKubeconfig, kubeconfigOf } from "../../apiserver/kubeconfig.ts";
import { type ClientName, ensurePki, type Pki } from "../../apiserver/pki.ts";
import { type ClusterConfig, underlayAddress } from "../cluster.ts";
import { paths } from "../data-dir.ts";
import { compileCacheDir, programWords } from "../program.ts";
import { hostApiUrl, insideApiUrl } from "./cluster-config.ts";

/** First address of the Service network: that of the Service default/kubernetes. */
const kubernetesServiceAddress = "10.96.0.1";

export interface Credentials {
  readonly pki: Pki;
  /** Entries for the user's kubeconfig. */
  userKubeconfig(name: string): ReturnType<typeof kubeconfigOf>;
}

/**
 * The same, but what is missing is made by a process of its own: the library that makes certificates is needed once,
 * and its memory would stay with the supervisor.
 */
export async function ensureCredentialsApart(config: ClusterConfig): Promise<Credentials> {
  if (!existsSync(join(paths(config.dataDir).pki, "ca.pem"))) {
    const [node = "", ...program] = programWords;
    const env = { ...process.env, NODE_COMPILE_CACHE: compileCacheDir };
    await promisify(execFile)(node, [...program, "make-certificates", "--config-json", JSON.stringify(config)], {
      env,
    });
  }
  return ensureCredentials(config);
}

/** Makes what is missing; kubeconfigs are named after their client, "inside" is the administrator's from within. */
export async function ensureCredentials(config: ClusterConfig): Promise<Credentials> {
  const { pki: pkiDir, kubeconfigs } = paths(config.dataDir);
  const pki = await ensurePki(pkiDir, {
    hosts: [underlayAddress(config), kubernetesServiceAddress],
    nodes: config.nodes,
  });
  const write = (file: string, client: ClientName): void => {
    const text = formatKubeconfig({ server: insideApiUrl(config), ca: pki.ca, credential: pki.client(client) });
    writeFileSync(join(kubeconfigs, file), text, { mode: 0o600 });
  };
  write("inside", "admin");
  write("control-plane", "control-plane");
  write("kube-proxy", "kube-proxy");
  write("coredns", "coredns");
  for (const { name } of config.nodes) {
    const credential = pki.client(`node-${name}`);
    write(`node-${name}`, `node-${name}`);
    writeFileSync(join(pkiDir, `node-${name}.crt`), credential.certificate, { mode: 0o600 });
    writeFileSync(join(pkiDir, `node-${name}.key`), credential.key, { mode: 0o600 });
  }
  writeFileSync(join(pkiDir, "ca.crt"), pki.ca, { mode: 0o600 });
  return {
    pki,
    userKubeconfig: (name) =>
      kubeconfigOf({ server: hostApiUrl(config), ca: pki.ca, credential: pki.client("admin"), name }),
  };
}
