/** The text of a kubeconfig for one client, with its certificates inside. */
import type { Credential } from "./pki.ts";

export interface KubeconfigOptions {
  /** e.g. "https://127.0.0.1:6443" */
  readonly server: string;
  /** PEM text. */
  readonly ca: string;
  readonly credential: Credential;
  /** Names the context, the cluster and the user; default "fairlead". */
  readonly name?: string;
  readonly namespace?: string;
}

/** The kubeconfig as data: entries to merge into a file that exists. */
export function kubeconfigOf({ server, ca, credential, name = "fairlead", namespace }: KubeconfigOptions) {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  return {
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    clusters: [{ name, cluster: { "certificate-authority-data": base64(ca), server } }],
    contexts: [{ name, context: { cluster: name, user: name, ...(namespace ? { namespace } : {}) } }],
    users: [
      {
        name,
        user: {
          "client-certificate-data": base64(credential.certificate),
          "client-key-data": base64(credential.key),
        },
      },
    ],
  };
}

/** The same as text (JSON, which is YAML too: nothing has to be loaded to write it). */
export function formatKubeconfig(options: KubeconfigOptions): string {
  return `${JSON.stringify(kubeconfigOf(options), undefined, 2)}\n`;
}
