/** Rolls out every Deployment through its ReplicaSets. */
import { type Deployment, objectKey, type ReplicaSet } from "../../api/object.ts";
import { replicaSets as replicaSetResource, deployments as resource } from "../../api/resource.ts";
import { isAlreadyExists } from "../../client/client.ts";
import { createWriteThrough } from "../../client/write-through.ts";
import type { Again, WorkQueue } from "../../lib/work-queue.ts";
import { type Context, canonical, createQueue, createRecorder } from "../context.ts";
import { commonIndexes } from "../informers.ts";
import { controllerOf, controllerReference, isControlledBy } from "../owner.ts";
import { isFinished } from "../pod.ts";
import { matchesSelector } from "../selector.ts";
import { currentAnnotations, desiredAnnotation, revisionAnnotation, sizeAnnotations } from "./revision.ts";
import { replicasOfNew, rollOut, type Scaling, scaleInProportion, specReplicas } from "./scale.ts";
import { computeStatus, isComplete, sameStatus } from "./status.ts";
import { buildReplicaSet, nextRevision, sameTemplate, sortReplicaSets } from "./template.ts";

export function startDeploymentController(context: Context): WorkQueue {
  const { informers } = context;
  const rollout = new Rollout(context);
  const queue = createQueue(context, { name: "deployment", reconcile: (key) => rollout.reconcile(key) });
  informers.deployments.onChange(({ object }) => queue.add(objectKey(object)));
  informers.replicaSets.onChange(({ object }) => {
    const { namespace = "", labels } = object.metadata;
    const owner = controllerOf(object);
    if (owner?.kind === "Deployment") queue.add(`${namespace}/${owner.name}`);
    if (owner) return;
    for (const deployment of informers.deployments.byIndex("namespace", namespace)) {
      if (matchesSelector(deployment.spec.selector, labels)) queue.add(objectKey(deployment));
    }
  });
  // Recreate waits until the old Pods are gone.
  informers.pods.onChange(({ type, object }) => {
    const owner = type === "deleted" || isFinished(object) ? controllerOf(object) : undefined;
    const replicaSet = owner && informers.replicaSets.get(`${object.metadata.namespace}/${owner.name}`);
    const deployment = replicaSet && controllerOf(replicaSet);
    if (deployment) queue.add(`${object.metadata.namespace}/${deployment.name}`);
  });
  return queue;
}

class Rollout {
  readonly #context: Context;
  readonly #replicaSets;
  readonly #deployments;
  readonly #recorder;

  constructor(context: Context) {
    const { client, informers } = context;
    this.#context = context;
    const { replicaSets, deployments } = informers;
    this.#replicaSets = createWriteThrough(client, replicaSetResource, {
      informer: replicaSets,
      indexes: commonIndexes,
    });
    this.#deployments = createWriteThrough(client, resource, { informer: deployments, indexes: commonIndexes });
    this.#recorder = createRecorder(context, "deployment-controller");
  }

  async reconcile(key: string): Promise<Again | undefined> {
    const deployment = this.#deployments.get(key);
    if (!deployment) return undefined;
    const owned = await this.#claim(deployment);
    const { current, old } = sortReplicaSets(deployment, owned);
    if (deployment.metadata.deletionTimestamp) return this.#writeStatus(deployment, { current, old, created: false });
    const resized = owned.filter((replicaSet) => this.#isOfOtherSize(deployment, replicaSet));
    const rolling = owned.filter((replicaSet) => specReplicas(replicaSet) > 0).length > 1;
    if (deployment.spec.paused || (rolling && resized.length > 0)) {
      const scalings = scaleInProportion(deployment, { current, old });
      const noted = resized.filter((one) => !scalings.some(({ replicaSet }) => replicaSet === one));
      await this.#scale(deployment, [
        ...scalings,
        ...noted.map((replicaSet) => ({ replicaSet, replicas: specReplicas(replicaSet) })),
      ]);
      const { replicaSets } = this.#present(deployment);
      return this.#writeStatus(deployment, { ...sortReplicaSets(deployment, replicaSets), created: false });
    }
    return this.#advance(deployment, { current, old });
  }

  /** It has Pods, and was last scaled when the Deployment wanted another number of them. */
  #isOfOtherSize({ spec }: Deployment, replicaSet: ReplicaSet): boolean {
    const noted = replicaSet.metadata.annotations?.[desiredAnnotation];
    return specReplicas(replicaSet) > 0 && noted !== undefined && noted !== String(spec.replicas ?? 1);
  }

  async #advance(
    deployment: Deployment,
    { current, old }: { current: ReplicaSet | undefined; old: ReplicaSet[] },
  ): Promise<Again | undefined> {
    const { strategy } = deployment.spec;
    const recreate = strategy?.type === "Recreate";
    const oldPodsRemain = old.some((replicaSet) => this.#hasPods(replicaSet));
    let created = false;
    let present = current;
    if (!present && recreate && (oldPodsRemain || old.some((replicaSet) => specReplicas(replicaSet) > 0))) {
      await this.#scale(
        deployment,
        old.filter((replicaSet) => specReplicas(replicaSet) > 0).map((replicaSet) => ({ replicaSet, replicas: 0 })),
      );
      return this.#writeStatus(deployment, { current: undefined, old, created });
    }
    const revision = nextRevision(old, present);
    if (present) {
      present = await this.#refreshAnnotations(deployment, present, revision);
    } else {
      present = await this.#createReplicaSet(deployment, { old, revision });
      created = true;
    }
    const fresh = await this.#markRevision(deployment, revision);
    await this.#scale(fresh, rollOut(fresh, { current: present, old, oldPodsRemain }));
    await this.#cleanUp(fresh, { current: present, old });
    const { replicaSets } = this.#present(fresh);
    return this.#writeStatus(fresh, { ...sortReplicaSets(fresh, replicaSets), created });
  }

  #present({ metadata }: Deployment): { replicaSets: ReplicaSet[] } {
    const { uid = "" } = metadata;
    const replicaSets = this.#replicaSets
      .byIndex("owner", uid)
      .filter((replicaSet) => controllerOf(replicaSet)?.uid === uid);
    return { replicaSets };
  }

  /** The Deployment's ReplicaSets; orphans that its selector matches are adopted. */
  async #claim(deployment: Deployment): Promise<ReplicaSet[]> {
    const { replicaSets } = this.#present(deployment);
    const { namespace = "", deletionTimestamp } = deployment.metadata;
    if (deletionTimestamp) return replicaSets;
    const orphans = this.#replicaSets
      .byIndex("namespace", namespace)
      .filter((one) => !controllerOf(one) && !one.metadata.deletionTimestamp)
      .filter(({ metadata }) => matchesSelector(deployment.spec.selector, metadata.labels));
    const adopted = orphans.map((one) => {
      const ownerReferences = [...(one.metadata.ownerReferences ?? []), controllerReference(deployment)];
      return this.#replicaSets.update({ ...one, metadata: { ...one.metadata, ownerReferences } });
    });
    return [...replicaSets, ...(await Promise.all(adopted))];
  }

  #hasPods(replicaSet: ReplicaSet): boolean {
    const { uid = "" } = replicaSet.metadata;
    return this.#context.informers.pods
      .byIndex("owner", uid)
      .some((pod) => isControlledBy(pod, replicaSet) && !isFinished(pod));
  }

  async #createReplicaSet(
    deployment: Deployment,
    { old, revision }: { old: ReplicaSet[]; revision: string },
  ): Promise<ReplicaSet> {
    const replicas = replicasOfNew(deployment, { current: 0, old });
    const annotations = currentAnnotations(deployment, { current: undefined, revision });
    const wanted = buildReplicaSet(deployment, { replicas, annotations });
    try {
      const created = await this.#replicaSets.create(wanted);
      this.#announce(deployment, { replicaSet: created, from: 0, to: replicas });
      return created;
    } catch (error) {
      const { name, namespace } = wanted.metadata;
      if (!isAlreadyExists(error)) throw error;
      const other = await this.#context.client.get(replicaSetResource, name, namespace);
      const ours = isControlledBy(other, deployment);
      if (ours && other.spec.template && sameTemplate(other.spec.template, deployment.spec.template)) return other;
      // Two templates share a hash: the next name is another one.
      const status = { ...deployment.status, collisionCount: (deployment.status?.collisionCount ?? 0) + 1 };
      await this.#deployments.update({ ...deployment, status }, { subresource: "status" });
      throw error;
    }
  }

  async #refreshAnnotations(deployment: Deployment, current: ReplicaSet, revision: string): Promise<ReplicaSet> {
    const annotations = currentAnnotations(deployment, { current, revision });
    const { minReadySeconds } = deployment.spec;
    const sameMinReady = (current.spec.minReadySeconds ?? 0) === (minReadySeconds ?? 0);
    if (canonical(annotations) === canonical(current.metadata.annotations) && sameMinReady) return current;
    const spec = { ...current.spec, minReadySeconds: minReadySeconds ?? 0 };
    return this.#replicaSets.update({ ...current, metadata: { ...current.metadata, annotations }, spec });
  }

  async #markRevision(deployment: Deployment, revision: string): Promise<Deployment> {
    const { metadata } = deployment;
    if (metadata.annotations?.[revisionAnnotation] === revision) return deployment;
    const annotations = { ...metadata.annotations, [revisionAnnotation]: revision };
    return this.#deployments.update({ ...deployment, metadata: { ...metadata, annotations } });
  }

  async #scale(deployment: Deployment, scalings: readonly Scaling[]): Promise<void> {
    for (const { replicaSet, replicas } of scalings) {
      const present = this.#replicaSets.get(objectKey(replicaSet)) ?? replicaSet;
      const { metadata } = present;
      const annotations = { ...metadata.annotations, ...sizeAnnotations(deployment) };
      await this.#replicaSets.update({
        ...present,
        metadata: { ...metadata, annotations },
        spec: { ...present.spec, replicas },
      });
      this.#announce(deployment, { replicaSet, from: specReplicas(replicaSet), to: replicas });
    }
  }

  #announce(
    deployment: Deployment,
    { replicaSet, from, to }: { replicaSet: ReplicaSet; from: number; to: number },
  ): void {
    if (from === to) return;
    const message = `Scaled ${to > from ? "up" : "down"} replica set ${replicaSet.metadata.name} from ${from} to ${to}`;
    this.#recorder.record(deployment, { type: "Normal", reason: "ScalingReplicaSet", message });
  }

  /** Deletes the oldest unused ReplicaSets beyond revisionHistoryLimit, once the roll-out is complete. */
  async #cleanUp(
    deployment: Deployment,
    { current, old }: { current: ReplicaSet; old: readonly ReplicaSet[] },
  ): Promise<void> {
    const { revisionHistoryLimit = 10 } = deployment.spec;
    const { replicas = 0, availableReplicas = 0 } = current.status ?? {};
    const counts = { replicas, updatedReplicas: replicas, readyReplicas: 0, availableReplicas };
    const unused = old.filter(
      ({ spec, status, metadata }) =>
        spec.replicas === 0 && (status?.replicas ?? 0) === 0 && !metadata.deletionTimestamp,
    );
    if (!isComplete(deployment, counts) || unused.length <= revisionHistoryLimit) return;
    await Promise.all(
      unused.slice(0, unused.length - revisionHistoryLimit).map((one) => this.#replicaSets.delete(one)),
    );
  }

  async #writeStatus(
    deployment: Deployment,
    input: { current: ReplicaSet | undefined; old: readonly ReplicaSet[]; created: boolean },
  ): Promise<Again | undefined> {
    const { status, againInMs } = computeStatus(deployment, { ...input, nowMs: this.#context.clock.now() });
    if (!sameStatus(deployment.status, status)) {
      const present = this.#deployments.get(objectKey(deployment)) ?? deployment;
      await this.#deployments.update({ ...present, status }, { subresource: "status" });
    }
    return againInMs === undefined ? undefined : { afterMs: againInMs };
  }
}
