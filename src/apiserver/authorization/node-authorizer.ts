/**
 * Nodes read and write what their own Pods need, and nothing of other nodes.
 * Source: Kubernetes "Using Node Authorization" and admission plugin NodeRestriction.
 */
import type { Pod } from "../../api/object.ts";
import { pods } from "../../api/resource.ts";
import type { Store } from "../../store/store.ts";
import type { User } from "../request.ts";
import { createStoreCache } from "../store-cache.ts";
import type { Attributes, Decision, ResourceAttributes } from "./attributes.ts";
import { bootstrapRoles } from "./bootstrap-roles.ts";
import { allows } from "./rule.ts";

const namePrefix = "system:node:";
const nodesGroup = "system:nodes";
const leaseNamespace = "kube-node-lease";

/** Names of objects of its namespace that a Pod refers to, as "resource/name". */
type References = readonly string[];

const reference = (resource: string, name: string | undefined): string[] => (name ? [`${resource}/${name}`] : []);

function volumeReferences({ volumes = [] }: Pod["spec"]): string[] {
  return volumes.flatMap(({ configMap, secret, persistentVolumeClaim, projected }) => [
    ...reference("configmaps", configMap?.name),
    ...reference("secrets", secret?.secretName),
    ...reference("persistentvolumeclaims", persistentVolumeClaim?.claimName),
    ...(projected?.sources ?? []).flatMap((source) => [
      ...reference("configmaps", source.configMap?.name),
      ...reference("secrets", source.secret?.name),
    ]),
  ]);
}

function environmentReferences({ containers = [], initContainers = [] }: Pod["spec"]): string[] {
  return [...containers, ...initContainers].flatMap(({ env = [], envFrom = [] }) => [
    ...env.flatMap(({ valueFrom }) => [
      ...reference("configmaps", valueFrom?.configMapKeyRef?.name),
      ...reference("secrets", valueFrom?.secretKeyRef?.name),
    ]),
    ...envFrom.flatMap(({ configMapRef, secretRef }) => [
      ...reference("configmaps", configMapRef?.name),
      ...reference("secrets", secretRef?.name),
    ]),
  ]);
}

export function podReferences({ spec }: Pod): References {
  return [
    ...volumeReferences(spec),
    ...environmentReferences(spec),
    ...(spec.imagePullSecrets ?? []).flatMap(({ name }) => reference("secrets", name)),
    ...reference("serviceaccounts", spec.serviceAccountName),
  ];
}

/** The Pods of each node. */
export interface NodePods {
  /** Is the Pod bound to that node? */
  has(node: string, namespace: string, pod: string): boolean;
  /** Does a Pod of that node refer to "resource/name" in its namespace? */
  refers(node: string, namespace: string, what: string): boolean;
}

export async function createNodePods(store: Store, signal: AbortSignal): Promise<NodePods> {
  const byNode = new Map<string, Map<string, References>>();
  await createStoreCache<Pod, { node: string | undefined; references: References }>(store, pods, {
    keep: (pod) => ({ node: pod.spec.nodeName, references: podReferences(pod) }),
    onChange(key, next, old) {
      if (old?.node && old.node !== next?.node) byNode.get(old.node)?.delete(key);
      if (!next?.node) return;
      const known = byNode.get(next.node);
      if (known) known.set(key, next.references);
      else byNode.set(next.node, new Map([[key, next.references]]));
    },
    signal,
  });
  return {
    has: (node, namespace, pod) => byNode.get(node)?.has(`${namespace}/${pod}`) ?? false,
    refers(node, namespace, what) {
      for (const [key, references] of byNode.get(node) ?? []) {
        if (key.startsWith(`${namespace}/`) && references.includes(what)) return true;
      }
      return false;
    },
  };
}

/** The node that `user` is; undefined: it is none. */
export function nodeOf(user: User): string | undefined {
  if (!user.groups.includes(nodesGroup) || !user.name.startsWith(namePrefix)) return undefined;
  return user.name.slice(namePrefix.length);
}

const rules = bootstrapRoles.find(({ metadata }) => metadata.name === "system:node")?.rules ?? [];

const unrelated = (node: string): string => `no relationship found between node '${node}' and this object`;
const isRead = (verb: string): boolean => verb === "get" || verb === "list" || verb === "watch";

/** What keeps a node from an object that the role system:node would let it have; undefined: nothing does. */
function restriction(node: string, attributes: ResourceAttributes, nodePods: NodePods): string | undefined {
  const { verb, resource, subresource, namespace = "", name } = attributes;
  switch (resource) {
    case "configmaps":
    case "secrets":
    case "persistentvolumeclaims":
      if (name === undefined) return "can only read namespaced object of this type";
      return nodePods.refers(node, namespace, `${resource}/${name}`) ? undefined : unrelated(node);
    case "serviceaccounts":
      if (subresource !== "token") return undefined;
      return name && nodePods.refers(node, namespace, `${resource}/${name}`) ? undefined : unrelated(node);
    case "leases":
      if (namespace !== leaseNamespace) return `can only access leases in the "${leaseNamespace}" system namespace`;
      return verb === "create" || name === node
        ? undefined
        : "can only access node lease with the same name as the requesting node";
    case "nodes":
      if (isRead(verb) || verb === "create" || name === node) return undefined;
      return `node "${node}" is not allowed to modify node "${name ?? ""}"`;
    case "pods":
      if (isRead(verb)) return undefined;
      if (verb === "create" && subresource === undefined)
        return `node "${node}" can only create pods from its own manifests`;
      if (name && nodePods.has(node, namespace, name)) return undefined;
      return `node "${node}" can only change pods with spec.nodeName set to itself`;
    default:
      return undefined;
  }
}

/** Undefined: the role system:node says nothing about it. */
export function decideForNode(node: string, attributes: Attributes, nodePods: NodePods): Decision | undefined {
  if (!rules.some((rule) => allows(rule, attributes))) return undefined;
  if ("path" in attributes) return { allowed: true, reason: "" };
  const reason = restriction(node, attributes, nodePods);
  return { allowed: reason === undefined, reason: reason ?? "" };
}
