/** A Node with the Pods that are on it or on their way, and their sums, so that a decision need not add them up again. */
import { type Node, objectKey, type Pod } from "../../api/object.ts";
import { controllerOf } from "../owner.ts";
import { isFinished } from "../pod.ts";
import { podRequests, type Requests } from "./requests.ts";

interface Placed {
  readonly pod: Pod;
  readonly requests: Requests;
}

export class NodePods {
  node: Node;
  readonly #placed = new Map<string, Placed>();
  readonly #requested: Record<string, number> = {};
  readonly #siblings = new Map<string, number>();
  readonly #affine = new Map<string, Pod>();

  constructor(node: Node, pods: readonly Pod[] = []) {
    this.node = node;
    for (const pod of pods) this.put(pod);
  }

  get name(): string {
    return this.node.metadata.name;
  }

  get count(): number {
    return this.#placed.size;
  }

  /** Pods that use the Node: those that ended do not. */
  *pods(): Generator<Pod> {
    for (const { pod } of this.#placed.values()) yield pod;
  }

  /** Pods with an affinity or anti-affinity to other Pods. */
  affine(): IterableIterator<Pod> {
    return this.#affine.values();
  }

  requested(resource: string): number {
    return this.#requested[resource] ?? 0;
  }

  /** Pods of the same controller. */
  siblings(ownerUid: string): number {
    return this.#siblings.get(ownerUid) ?? 0;
  }

  put(pod: Pod): void {
    const key = objectKey(pod);
    this.remove(key);
    if (isFinished(pod)) return;
    const requests = podRequests(pod);
    this.#placed.set(key, { pod, requests });
    this.#count({ pod, requests }, 1);
    const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {};
    if (podAffinity || podAntiAffinity) this.#affine.set(key, pod);
  }

  remove(key: string): void {
    const placed = this.#placed.get(key);
    if (!placed) return;
    this.#placed.delete(key);
    this.#affine.delete(key);
    this.#count(placed, -1);
  }

  /** The same Node as if it had only these Pods. */
  with(pods: Iterable<Pod>): NodePods {
    return new NodePods(this.node, [...pods]);
  }

  #count({ pod, requests }: Placed, sign: 1 | -1): void {
    for (const [name, amount] of Object.entries(requests)) {
      this.#requested[name] = (this.#requested[name] ?? 0) + sign * amount;
    }
    const owner = controllerOf(pod)?.uid;
    if (!owner) return;
    const left = this.siblings(owner) + sign;
    if (left > 0) this.#siblings.set(owner, left);
    else this.#siblings.delete(owner);
  }
}
