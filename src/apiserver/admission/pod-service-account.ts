/** Pods run as a ServiceAccount and find its token in a volume. Source: admission plugin ServiceAccount, Kubernetes "Managing Service Accounts". */
import type { Container, Volume } from "kubernetes-types/core/v1";
import { generateName } from "../../api/names.ts";
import type { Pod, ServiceAccount } from "../../api/object.ts";

export type Account = Pick<ServiceAccount, "automountServiceAccountToken" | "imagePullSecrets">;

const tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount";
const volumePrefix = "kube-api-access-";
/** Just over an hour, by which the server knows a Pod's own token. */
const tokenSeconds = 3607;

function tokenVolume(name: string): Volume {
  const caFile = { key: "ca.crt", path: "ca.crt" };
  const namespaceFile = { path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } };
  return {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds: tokenSeconds, path: "token" } },
        { configMap: { name: "kube-root-ca.crt", items: [caFile] } },
        { downwardAPI: { items: [namespaceFile] } },
      ],
    },
  };
}

const lacksMount = ({ volumeMounts = [] }: Container): boolean =>
  !volumeMounts.some(({ mountPath }) => mountPath === tokenPath);

function mountToken({ spec }: Pod): void {
  const { volumes = [], containers = [], initContainers = [] } = spec;
  const wanting = [...initContainers, ...containers].filter(lacksMount);
  if (wanting.length === 0) return;
  // Nothing is checked yet: a volume may lack its name.
  const present = volumes.find(({ name, projected }: Partial<Volume>) => name?.startsWith(volumePrefix) && projected);
  const name = present?.name ?? generateName(volumePrefix);
  if (!present) spec.volumes = [...volumes, tokenVolume(name)];
  for (const container of wanting) {
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: tokenPath }];
  }
}

/** In place. */
export function setAccountName({ spec }: Pod): void {
  spec.serviceAccountName ||= spec.serviceAccount || "default";
  spec.serviceAccount = spec.serviceAccountName;
}

/** In place: what the account gives to a Pod. */
export function applyAccount(pod: Pod, account: Account): void {
  const { spec } = pod;
  if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(pod);
  const { imagePullSecrets = [] } = account;
  if (!spec.imagePullSecrets?.length && imagePullSecrets.length > 0) spec.imagePullSecrets = [...imagePullSecrets];
}
