/**
 * The former templates of StatefulSets and DaemonSets, kept as ControllerRevisions: what `kubectl rollout history` lists
 * and `kubectl rollout undo` goes back to (apps/v1 ControllerRevision).
 */
import type { PodTemplateSpec } from "kubernetes-types/core/v1";
import type { ControllerRevision, DaemonSet, StatefulSet } from "../api/object.ts";
import { controllerRevisions } from "../api/resource.ts";
import { isAlreadyExists } from "../client/client.ts";
import { createWriteThrough } from "../client/write-through.ts";
import { type Context, canonical } from "./context.ts";
import { templateHash } from "./deployment/template.ts";
import { commonIndexes } from "./informers.ts";
import { controllerOf, controllerReference, isControlledBy } from "./owner.ts";
import { matchesSelector } from "./selector.ts";

type Owner = StatefulSet | DaemonSet;

/** `data` is a strategic merge patch of the owner: kubectl sends it as it is. */
interface RevisionData {
  readonly spec: { readonly template: PodTemplateSpec & { readonly $patch: "replace" } };
}

export function dataOf({ spec }: Owner): RevisionData {
  return { spec: { template: { ...spec.template, $patch: "replace" } } };
}

export function templateOf({ data }: ControllerRevision): PodTemplateSpec {
  const { $patch: _, ...template } = (data as RevisionData).spec.template;
  return template;
}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/** The revision that stands for the owner's present template. */
export function buildRevision(
  owner: Owner,
  { revision, hashLabel }: { revision: number; hashLabel: string },
): ControllerRevision {
  const { name, namespace = "" } = owner.metadata;
  const hash = templateHash(owner.spec.template, owner.status?.collisionCount ?? 0);
  const { [lastApplied]: _, ...annotations } = owner.metadata.annotations ?? {};
  return {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name: `${name}-${hash}`,
      namespace,
      labels: { ...owner.spec.template.metadata?.labels, [hashLabel]: hash },
      annotations,
      ownerReferences: [controllerReference(owner)],
    },
    data: dataOf(owner),
    revision,
  };
}

export const byRevision = (one: ControllerRevision, other: ControllerRevision): number => one.revision - other.revision;

/** The oldest beyond `limit` that no Pod stands on. */
export function superfluous(
  revisions: readonly ControllerRevision[],
  { live, limit }: { live: ReadonlySet<string>; limit: number },
): ControllerRevision[] {
  const unused = [...revisions].sort(byRevision).filter(({ metadata }) => !live.has(metadata.name));
  return unused.slice(0, Math.max(0, unused.length - limit));
}

export interface RevisionHistory {
  /** The owner's revisions, oldest first, and the one of its present template, which is the newest of them. */
  sync(owner: Owner): Promise<{ update: ControllerRevision; all: ControllerRevision[] }>;
  /** Deletes the oldest beyond spec.revisionHistoryLimit; those named in `live` stay. */
  prune(owner: Owner, live: ReadonlySet<string>): Promise<void>;
}

export function createRevisionHistory(context: Context, { hashLabel }: { hashLabel: string }): RevisionHistory {
  const { client, informers } = context;
  const written = createWriteThrough(client, controllerRevisions, {
    informer: informers.controllerRevisions,
    indexes: commonIndexes,
  });
  const owned = ({ metadata }: Owner) =>
    written
      .byIndex("owner", metadata.uid ?? "")
      .filter((one) => controllerOf(one)?.uid === metadata.uid)
      .sort(byRevision);

  const adopt = async (owner: Owner): Promise<void> => {
    const orphans = written
      .byIndex("namespace", owner.metadata.namespace ?? "")
      .filter((one) => !controllerOf(one) && !one.metadata.deletionTimestamp)
      .filter(({ metadata }) => matchesSelector(owner.spec.selector, metadata.labels));
    await Promise.all(
      orphans.map((one) => {
        const ownerReferences = [...(one.metadata.ownerReferences ?? []), controllerReference(owner)];
        return written.update({ ...one, metadata: { ...one.metadata, ownerReferences } });
      }),
    );
  };

  const create = async (owner: Owner, revision: number): Promise<ControllerRevision> => {
    const wanted = buildRevision(owner, { revision, hashLabel });
    try {
      return await written.create(wanted);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const { name, namespace } = wanted.metadata;
      const other = await client.get(controllerRevisions, name, namespace);
      if (isControlledBy(other, owner) && canonical(other.data) === canonical(wanted.data)) return other;
      throw new Error(`Cannot keep revision "${name}": the name is taken by another owner's revision`, {
        cause: error,
      });
    }
  };

  return {
    async sync(owner) {
      await adopt(owner);
      const all = owned(owner);
      const data = canonical(dataOf(owner));
      const present = all.findLast((one) => canonical(one.data) === data);
      const newest = all.at(-1)?.revision ?? 0;
      if (!present) await create(owner, newest + 1);
      // Gone back to: it counts as the newest again.
      else if (present.revision < newest) await written.update({ ...present, revision: newest + 1 });
      const now = owned(owner);
      const update = now.findLast((one) => canonical(one.data) === data);
      if (!update) throw new Error(`Cannot find the revision of "${owner.metadata.name}" that was just written`);
      return { update, all: now };
    },
    async prune(owner, live) {
      const limit = owner.spec.revisionHistoryLimit ?? 10;
      await Promise.all(superfluous(owned(owner), { live, limit }).map((one) => written.delete(one)));
    },
  };
}
