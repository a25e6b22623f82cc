/** Starts all controllers over one set of informers. */

import type { KubeObject } from "../api/object.ts";
import { systemNamespaces } from "../api/system-namespaces.ts";
import type { ApiClient, Informer } from "../client/client.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Context } from "./context.ts";
import { startCronJobController } from "./cronjob/controller.ts";
import { startDaemonSetController } from "./daemonset/controller.ts";
import { startDeploymentController } from "./deployment/controller.ts";
import { startCollections } from "./discovery/collections.ts";
import { startDisruptionController } from "./disruption/controller.ts";
import { startEndpointsController } from "./endpoints/controller.ts";
import { startEndpointSliceController } from "./endpointslice/controller.ts";
import { EndpointSliceMetrics } from "./endpointslice/metrics.ts";
import { startEndpointSliceMirroringController } from "./endpointslice-mirroring/controller.ts";
import { startGarbageCollector } from "./garbage-collection/controller.ts";
import { createInformers, type Informers, late } from "./informers.ts";
import { startJobController } from "./job/controller.ts";
import { type ApiServerAddress, startKubernetesServiceController } from "./kubernetes-service/controller.ts";
import { startNamespaceController } from "./namespace/controller.ts";
import { startNodeLifecycleController } from "./node-lifecycle/controller.ts";
import { startPodGarbageCollector } from "./pod-garbage/controller.ts";
import { startReplicaSetController, startReplicationController } from "./replicaset/controller.ts";
import { startScheduler } from "./scheduling/controller.ts";
import { startServiceCidrController } from "./service-cidr/controller.ts";
import { startServiceAccountController } from "./serviceaccount/controller.ts";
import { startStatefulSetController } from "./statefulset/controller.ts";

export type { ApiServerAddress } from "./kubernetes-service/controller.ts";

export interface ControllersConfig {
  /** The cluster's certificate authority, for ConfigMap kube-root-ca.crt. */
  readonly caPem: string;
  /** Where Pods reach the API server, e.g. `{ ip: "172.18.0.1", port: 6443 }`. */
  readonly apiServerAddress: ApiServerAddress;
  /** Of Service default/kubernetes; default "10.96.0.1". */
  readonly kubernetesClusterIP?: string;
  /** Silence after which a Node counts as gone (kube-controller-manager's --node-monitor-grace-period); default 40 s. */
  readonly nodeGraceMs?: number | undefined;
  /** How long Pods stay on a Node that is not ready if they do not say; default 300. */
  readonly notReadyTolerationSec?: number;
  /** How long Pods of a deleted Node are kept; default 40 s. */
  readonly podQuarantineMs?: number;
}

export interface ControllersOptions {
  readonly client: ApiClient;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  readonly config: ControllersConfig;
}

/** Resolves when the cache holds the object. */
function present<T extends KubeObject>(informer: Informer<T>, key: string): Promise<void> {
  return new Promise((resolve) => {
    const end = informer.onChange(() => {
      if (informer.get(key) === undefined) return;
      resolve();
      queueMicrotask(() => end());
    });
  });
}

/**
 * `ready` resolves when all caches are filled and the system's namespaces and the Service default/kubernetes are there.
 * The controllers work until `signal` aborts.
 */
export function startControllers({ client, log, signal, clock = systemClock, config }: ControllersOptions): {
  ready: Promise<void>;
  /** In the text format of Prometheus. */
  metrics(): string;
} {
  const informers = createInformers(client, { log, signal });
  const names = Object.keys(informers) as (keyof Informers)[];
  const syncedOf = (some: typeof names) => Promise.all(some.map((name) => informers[name].synced));
  const synced = syncedOf(names.filter((name) => !late.includes(name)));
  const context: Context = { client, log, signal, clock, informers, synced };
  /** For controllers that read the kinds that come late. */
  const whole: Context = { ...context, synced: syncedOf(names) };
  const collections = startCollections(whole);
  startNamespaceController(context, collections);
  startServiceAccountController(context, config);
  const { apiServerAddress: address, kubernetesClusterIP: clusterIP = "10.96.0.1" } = config;
  startKubernetesServiceController(context, { address, clusterIP });
  const metrics = new EndpointSliceMetrics();
  startEndpointSliceController(context, metrics);
  startEndpointsController(context);
  startEndpointSliceMirroringController(context);
  startScheduler(context);
  startDeploymentController(context);
  startReplicaSetController(context);
  startReplicationController(whole);
  startStatefulSetController(whole);
  startJobController(whole);
  startCronJobController(whole);
  startDisruptionController(whole);
  startServiceCidrController(whole);
  startDaemonSetController(context);
  startGarbageCollector(whole, collections);
  startNodeLifecycleController(context, { graceMs: config.nodeGraceMs, tolerationSec: config.notReadyTolerationSec });
  startPodGarbageCollector(
    context,
    config.podQuarantineMs === undefined ? {} : { quarantineMs: config.podQuarantineMs },
  );
  const awaited = [
    ...systemNamespaces.map((name) => present(informers.namespaces, name)),
    present(informers.services, "default/kubernetes"),
  ];
  return { ready: Promise.all([synced, ...awaited]).then(() => {}), metrics: () => metrics.format() };
}
