/** All kinds that the API server serves. */
import type { Kind } from "../kind.ts";
import type { KubeObject } from "../object.ts";
import { configMapKind } from "./config-map.ts";
import { daemonSetKind } from "./daemon-set.ts";
import { deploymentKind } from "./deployment.ts";
import { endpointSliceKind } from "./endpoint-slice.ts";
import { endpointsKind } from "./endpoints.ts";
import { eventKind } from "./event.ts";
import { leaseKind } from "./lease.ts";
import { namespaceKind } from "./namespace.ts";
import { nodeKind } from "./node.ts";
import { podKind } from "./pod.ts";
import { replicaSetKind } from "./replica-set.ts";
import { secretKind } from "./secret.ts";
import { serviceKind } from "./service.ts";
import { serviceAccountKind } from "./service-account.ts";

/** The machinery hands a kind only objects of that kind, so that the narrower hooks are safe. */
function general<T extends KubeObject>(kind: Kind<T>): Kind {
  return kind as unknown as Kind;
}

/** In the order in which discovery lists them. */
export const kinds: readonly Kind[] = [
  general(configMapKind),
  general(endpointsKind),
  general(eventKind),
  general(namespaceKind),
  general(nodeKind),
  general(podKind),
  general(secretKind),
  general(serviceAccountKind),
  general(serviceKind),
  general(daemonSetKind),
  general(deploymentKind),
  general(replicaSetKind),
  general(leaseKind),
  general(endpointSliceKind),
];

const byPath: ReadonlyMap<string, Kind> = new Map(
  kinds.map((kind) => [`${kind.group}/${kind.version}/${kind.plural}`, kind]),
);

/** The kind that is served at group ("" for core), version and plural; undefined if none is. */
export function kindOf(group: string, version: string, plural: string): Kind | undefined {
  return byPath.get(`${group}/${version}/${plural}`);
}
