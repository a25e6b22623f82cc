/** Gives every namespace its ServiceAccount "default" and the ConfigMap "kube-root-ca.crt" with the cluster's CA. */
import type { ConfigMap } from "../../api/object.ts";
import { configMaps, serviceAccounts } from "../../api/resource.ts";
import type { WorkQueue } from "../../lib/work-queue.ts";
import { type Context, createQueue } from "../context.ts";

const accountName = "default";
const caName = "kube-root-ca.crt";

export function startServiceAccountController(context: Context, { caPem }: { caPem: string }): WorkQueue {
  const { client, informers } = context;

  const reconcile = async (namespace: string): Promise<void> => {
    const present = informers.namespaces.get(namespace);
    if (!present || present.metadata.deletionTimestamp) return;
    await Promise.all([ensureAccount(namespace), ensureCa(namespace)]);
  };

  const ensureAccount = async (namespace: string): Promise<void> => {
    if (informers.serviceAccounts.get(`${namespace}/${accountName}`)) return;
    await client.create(serviceAccounts, {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: accountName, namespace },
    });
  };

  const ensureCa = async (namespace: string): Promise<void> => {
    const present = informers.configMaps.get(`${namespace}/${caName}`);
    const data = { "ca.crt": caPem };
    const wanted: ConfigMap = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: caName, namespace }, data };
    if (!present) await client.create(configMaps, wanted);
    else if (present.data?.["ca.crt"] !== caPem) await client.update(configMaps, { ...present, data });
  };

  const queue = createQueue(context, { name: "serviceaccount", reconcile });
  informers.namespaces.onChange(({ object }) => queue.add(object.metadata.name));
  informers.serviceAccounts.onChange(({ type, object: { metadata } }) => {
    if (type === "deleted" && metadata.name === accountName) queue.add(metadata.namespace ?? "");
  });
  informers.configMaps.onChange(({ type, object: { metadata } }) => {
    if (type !== "added" && metadata.name === caName) queue.add(metadata.namespace ?? "");
  });
  return queue;
}
