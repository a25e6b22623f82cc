/** A Deployment's status and conditions (apps/v1 DeploymentStatus), in the words that `kubectl rollout status` waits for. */
import type { DeploymentCondition } from "kubernetes-types/apps/v1";
import type { Deployment, ReplicaSet } from "../../api/object.ts";
import { canonical, timestamp } from "../context.ts";
import { available, resolveRollingUpdate, specReplicas, sum } from "./scale.ts";

type Status = NonNullable<Deployment["status"]>;
type Verdict = Pick<DeploymentCondition, "type" | "status" | "reason" | "message">;

interface Input {
  readonly current: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
  readonly created: boolean;
  readonly nowMs: number;
}

const defaultProgressDeadlineSec = 600;

export function computeStatus(deployment: Deployment, input: Input): { status: Status; againInMs: number | undefined } {
  const { current, old, nowMs } = input;
  const all = current ? [...old, current] : old;
  const replicas = sum(all, ({ status }) => status?.replicas ?? 0);
  const availableReplicas = sum(all, available);
  const counts = {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas,
    updatedReplicas: current?.status?.replicas ?? 0,
    readyReplicas: sum(all, ({ status }) => status?.readyReplicas ?? 0),
    availableReplicas,
    unavailableReplicas: Math.max(0, sum(all, specReplicas) - availableReplicas),
  };
  const progress = progressOf(deployment, { ...input, counts });
  const verdicts = [
    availabilityOf(deployment, availableReplicas),
    ...(progress ? [progress] : []),
    ...failureOf(current),
  ];
  const conditions = verdicts.map((verdict) =>
    dated(deployment, { verdict, nowMs, moved: moved(deployment.status, counts) }),
  );
  const { collisionCount } = deployment.status ?? {};
  const status = { ...counts, ...(collisionCount ? { collisionCount } : {}), conditions };
  return { status, againInMs: deadlineInMs(deployment, { conditions, nowMs }) };
}

type Counts = Required<Pick<Status, "replicas" | "updatedReplicas" | "readyReplicas" | "availableReplicas">>;

/** Something went on since the last status: the deadline starts again. */
function moved(before: Status | undefined, counts: Counts): boolean {
  const names = ["updatedReplicas", "readyReplicas", "availableReplicas"] as const;
  const fewerOld = counts.replicas - counts.updatedReplicas < (before?.replicas ?? 0) - (before?.updatedReplicas ?? 0);
  return fewerOld || names.some((name) => counts[name] > (before?.[name] ?? 0));
}

function availabilityOf({ spec }: Deployment, availableReplicas: number): Verdict {
  const enough = availableReplicas >= (spec.replicas ?? 1) - resolveRollingUpdate(spec).maxUnavailable;
  return enough
    ? {
        type: "Available",
        status: "True",
        reason: "MinimumReplicasAvailable",
        message: "Deployment has minimum availability.",
      }
    : {
        type: "Available",
        status: "False",
        reason: "MinimumReplicasUnavailable",
        message: "Deployment does not have minimum availability.",
      };
}

function failureOf(current: ReplicaSet | undefined): Verdict[] {
  const failure = current?.status?.conditions?.find(
    ({ type, status }) => type === "ReplicaFailure" && status === "True",
  );
  if (!failure) return [];
  const { reason = "", message = "" } = failure;
  return [{ type: "ReplicaFailure", status: "True", reason, message }];
}

const conditionOf = ({ status }: Deployment, type: string): DeploymentCondition | undefined =>
  status?.conditions?.find((condition) => condition.type === type);

export function isComplete({ spec }: Deployment, counts: Counts): boolean {
  const replicas = spec.replicas ?? 1;
  return counts.updatedReplicas === replicas && counts.replicas === replicas && counts.availableReplicas === replicas;
}

function progressOf(
  deployment: Deployment,
  { current, created, counts, nowMs }: Input & { counts: Counts },
): Verdict | undefined {
  const before = conditionOf(deployment, "Progressing");
  const type = "Progressing";
  if (deployment.spec.paused) {
    return { type, status: "Unknown", reason: "DeploymentPaused", message: "Deployment is paused" };
  }
  if (before?.reason === "DeploymentPaused") {
    return { type, status: "Unknown", reason: "DeploymentResumed", message: "Deployment is resumed" };
  }
  const name = current ? `ReplicaSet "${current.metadata.name}"` : `Deployment "${deployment.metadata.name}"`;
  if (created && current) {
    const message = `Created new replica set "${current.metadata.name}"`;
    return { type, status: "True", reason: "NewReplicaSetCreated", message };
  }
  if (isComplete(deployment, counts)) {
    return { type, status: "True", reason: "NewReplicaSetAvailable", message: `${name} has successfully progressed.` };
  }
  // Finished once, and a Pod is missing now: no new roll-out, so no deadline.
  const finished = before?.reason === "NewReplicaSetAvailable" && before.message?.includes(name);
  if (before && finished && !moved(deployment.status, counts)) return { ...verdictOf(before) };
  if (before && isLate(deployment, { before, counts, nowMs })) {
    return { type, status: "False", reason: "ProgressDeadlineExceeded", message: `${name} has timed out progressing.` };
  }
  if (before && !moved(deployment.status, counts) && before.message?.includes(current?.metadata.name ?? " "))
    return verdictOf(before);
  return { type, status: "True", reason: "ReplicaSetUpdated", message: `${name} is progressing.` };
}

const verdictOf = ({ type, status, reason = "", message = "" }: DeploymentCondition): Verdict => ({
  type,
  status,
  reason,
  message,
});

function isLate(
  deployment: Deployment,
  { before, counts, nowMs }: { before: DeploymentCondition; counts: Counts; nowMs: number },
): boolean {
  if (moved(deployment.status, counts)) return false;
  if (before.reason === "ProgressDeadlineExceeded") return true;
  const deadlineSec = deployment.spec.progressDeadlineSeconds ?? defaultProgressDeadlineSec;
  return nowMs - Date.parse(before.lastUpdateTime ?? "") >= deadlineSec * 1000;
}

/** When the roll-out will count as stuck if nothing moves until then. */
function deadlineInMs(
  { spec }: Deployment,
  { conditions, nowMs }: { conditions: readonly DeploymentCondition[]; nowMs: number },
): number | undefined {
  const progress = conditions.find(({ type }) => type === "Progressing");
  if (!progress || !["NewReplicaSetCreated", "ReplicaSetUpdated"].includes(progress.reason ?? "")) return undefined;
  const deadlineSec = spec.progressDeadlineSeconds ?? defaultProgressDeadlineSec;
  return Math.max(1, Date.parse(progress.lastUpdateTime ?? "") + deadlineSec * 1000 - nowMs);
}

function dated(
  deployment: Deployment,
  { verdict, nowMs, moved: hasMoved }: { verdict: Verdict; nowMs: number; moved: boolean },
): DeploymentCondition {
  const before = conditionOf(deployment, verdict.type);
  const now = timestamp(nowMs);
  const same =
    before && canonical(verdictOf(before)) === canonical(verdict) && !(hasMoved && verdict.type === "Progressing");
  return {
    ...verdict,
    lastUpdateTime: same ? (before.lastUpdateTime ?? now) : now,
    lastTransitionTime: before?.status === verdict.status ? (before.lastTransitionTime ?? now) : now,
  };
}

/** Equal whatever the order of conditions; absent counts are 0. */
export function sameStatus(one: Status | undefined, other: Status): boolean {
  const essence = (status: Status) => {
    const { conditions = [], ...counts } = status;
    const nonZero = Object.fromEntries(Object.entries(counts).filter(([, count]) => count));
    return canonical([nonZero, [...conditions].sort((first, second) => (first.type < second.type ? -1 : 1))]);
  };
  return one !== undefined && essence(one) === essence(other);
}
