/** What the owners of Pods share: their Pods, adoption and release, creation and deletion. */
import type { PodTemplateSpec } from "kubernetes-types/core/v1";
import type { LabelSelector } from "kubernetes-types/meta/v1";
import type { KubeObject, Pod } from "../api/object.ts";
import { pods as podsResource } from "../api/resource.ts";
import type { EventRecorder } from "../client/events.ts";
import { createWriteThrough, type WriteThrough } from "../client/write-through.ts";
import { type Context, isRace, nameOf } from "./context.ts";
import { podIndexes } from "./informers.ts";
import { controllerOf, controllerReference, isControlledBy } from "./owner.ts";
import { isTerminating } from "./pod.ts";
import { matchesSelector } from "./selector.ts";

type Owner = KubeObject & { readonly spec: { readonly selector: LabelSelector; readonly template?: PodTemplateSpec } };

export interface PodSet {
  /** The Pods of the owner; orphans that its selector matches are adopted, those it no longer matches released. */
  claim(owner: Owner): Promise<Pod[]>;
  create(owner: Owner, pod: Pod): Promise<void>;
  delete(owner: Owner, pod: Pod): Promise<void>;
  /** Without an Event. */
  update(pod: Pod): Promise<Pod>;
}

/** Messages of the Events about a Pod: when it worked, and (with `error`) when it did not. */
export type PodWords = (
  verb: "create" | "delete",
  facts: { owner: Owner; podName: string; error: Error | undefined },
) => string;

const plainWords: PodWords = (verb, { podName, error }) => {
  if (error) return `Error ${verb === "create" ? "creating" : "deleting"}: ${error.message}`;
  return `${verb === "create" ? "Created" : "Deleted"} pod: ${podName}`;
};

const reasons = {
  create: { done: "SuccessfulCreate", failed: "FailedCreate" },
  delete: { done: "SuccessfulDelete", failed: "FailedDelete" },
};

export interface PodSetOptions {
  /** Which orphans may be adopted, beside their labels; default: all. */
  readonly adopts?: (owner: Owner, pod: Pod) => boolean;
  readonly words?: PodWords;
}

export function createPodSet(
  context: Context,
  recorder: EventRecorder,
  { adopts = () => true, words = plainWords }: PodSetOptions = {},
): PodSet {
  const { client, informers } = context;
  const written = createWriteThrough(client, podsResource, { informer: informers.pods, indexes: podIndexes });

  const claim = async (owner: Owner): Promise<Pod[]> => {
    const { namespace = "", uid = "", deletionTimestamp } = owner.metadata;
    const fits = (pod: Pod) => matchesSelector(owner.spec.selector, pod.metadata.labels);
    const owned = written.byIndex("owner", uid).filter((pod) => isControlledBy(pod, owner));
    if (deletionTimestamp) return owned;
    const strays = owned.filter((pod) => !fits(pod) && !isTerminating(pod));
    const orphans = orphansOf(written, owner, namespace).filter(
      (pod) => fits(pod) && !isTerminating(pod) && adopts(owner, pod),
    );
    await Promise.all(strays.map((pod) => setOwners(written, pod, withoutOwner(pod, owner))));
    const adopted = await Promise.all(
      orphans.map((pod) =>
        setOwners(written, pod, [...(pod.metadata.ownerReferences ?? []), controllerReference(owner)]),
      ),
    );
    return [...owned.filter(fits), ...adopted];
  };

  const tell = (
    verb: "create" | "delete",
    { owner, podName, error }: { owner: Owner; podName: string; error?: Error },
  ): void => {
    if (error && isRace(error)) return;
    const message = words(verb, { owner, podName, error });
    const reason = error ? reasons[verb].failed : reasons[verb].done;
    recorder.record(owner, { type: error ? "Warning" : "Normal", reason, message });
  };

  return {
    claim,
    async create(owner, pod) {
      try {
        const { name } = (await written.create(pod)).metadata;
        tell("create", { owner, podName: name });
      } catch (error) {
        tell("create", { owner, podName: pod.metadata.name, error: error as Error });
        throw error;
      }
    },
    async delete(owner, pod) {
      const podName = pod.metadata.name;
      try {
        await written.delete(pod);
        tell("delete", { owner, podName });
      } catch (error) {
        tell("delete", { owner, podName, error: error as Error });
        throw error;
      }
    },
    update: (pod) => written.update(pod),
  };
}

/** Pods without controller that have one of the labels the selector asks for. */
function orphansOf(written: WriteThrough<Pod>, { spec }: Owner, namespace: string): Pod[] {
  const [pair] = Object.entries(spec.selector.matchLabels ?? {});
  const candidates = pair
    ? written.byIndex("label", `${namespace}/${pair[0]}=${pair[1]}`)
    : written.byIndex("namespace", namespace);
  return candidates.filter((pod) => !controllerOf(pod));
}

const withoutOwner = (pod: Pod, owner: KubeObject) =>
  (pod.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== owner.metadata.uid);

function setOwners(
  written: WriteThrough<Pod>,
  pod: Pod,
  ownerReferences: ReturnType<typeof withoutOwner>,
): Promise<Pod> {
  return written.update({ ...pod, metadata: { ...pod.metadata, ownerReferences } });
}

/** A Pod of the owner's template. */
export function buildPod(owner: Owner, template: PodTemplateSpec): Pod {
  const { name, namespace } = nameOf(owner);
  const { labels = {}, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      generateName: `${name}-`,
      ...(namespace === undefined ? {} : { namespace }),
      labels,
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers } : {}),
      ownerReferences: [controllerReference(owner)],
    } as Pod["metadata"],
    spec: template.spec ?? { containers: [] },
  };
}

/** Runs `one` for each, first 1, then 2, 4, … at once, and stops at the first failure: a refused template is not tried 500 times. */
export async function slowStart<T>(items: readonly T[], one: (item: T) => Promise<void>): Promise<void> {
  let size = 1;
  for (let start = 0; start < items.length; ) {
    const batch = items.slice(start, start + size);
    await Promise.all(batch.map(one));
    start += batch.length;
    size *= 2;
  }
}
