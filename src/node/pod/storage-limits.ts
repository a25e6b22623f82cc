/** Whether a Pod uses more of the node's disk than it may (pure). Source: "Local ephemeral storage", kubelet's messages. */
import type { PodSpec } from "kubernetes-types/core/v1";
import { wholeValueOf } from "../../api/quantity.ts";

/** Bytes on disk. */
export interface StorageUse {
  /** What each container wrote into its root and its log. */
  readonly containers: ReadonlyMap<string, number>;
  /** Volumes emptyDir, by name. */
  readonly volumes: ReadonlyMap<string, number>;
}

interface Limit {
  readonly text: string;
  readonly bytes: number;
}

const bytesOf = (text: string): number => wholeValueOf(text) ?? 0;
const limitOf = (text: string | undefined): Limit | undefined =>
  text === undefined ? undefined : { text, bytes: bytesOf(text) };

const containerLimits = ({ containers }: PodSpec): Map<string, Limit> =>
  new Map(
    containers.flatMap(({ name, resources }) => {
      const limit = limitOf(resources?.limits?.["ephemeral-storage"]);
      return limit ? [[name, limit] as const] : [];
    }),
  );

const volumeLimits = ({ volumes = [] }: PodSpec): Map<string, Limit> =>
  new Map(
    volumes.flatMap(({ name, emptyDir }) => {
      // One in memory is as large as its file system.
      const limit = emptyDir?.medium === "Memory" ? undefined : limitOf(emptyDir?.sizeLimit);
      return limit ? [[name, limit] as const] : [];
    }),
  );

export const hasStorageLimits = (spec: PodSpec): boolean =>
  containerLimits(spec).size > 0 || volumeLimits(spec).size > 0;

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

/** A sentence about the first limit that is passed; undefined: none is. */
export function storageExcess(spec: PodSpec, { containers, volumes }: StorageUse): string | undefined {
  for (const [name, { text, bytes }] of volumeLimits(spec)) {
    if ((volumes.get(name) ?? 0) > bytes) return `Usage of EmptyDir volume "${name}" exceeds the limit "${text}". `;
  }
  const limits = containerLimits(spec);
  // A container without a limit may have all of the disk, and the Pod with it.
  if (limits.size === spec.containers.length) {
    const limit = sum([...limits.values()].map(({ bytes }) => bytes));
    if (sum([...containers.values(), ...volumes.values()]) > limit)
      return `Pod ephemeral local storage usage exceeds the total limit of containers ${limit}. `;
  }
  for (const [name, { text, bytes }] of limits) {
    if ((containers.get(name) ?? 0) > bytes)
      return `Container ${name} exceeded its local ephemeral storage limit "${text}". `;
  }
  return undefined;
}
