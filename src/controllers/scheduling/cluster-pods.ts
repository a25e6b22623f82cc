/** Which Pods are where, kept by the changes of Nodes and Pods, and ahead of them by the scheduler's own decisions. */
import { type Node, objectKey, type Pod } from "../../api/object.ts";
import { NodePods } from "./node-pods.ts";

/** A Node that was not seen yet, or is gone: nothing is put there. */
const unknown = (name: string): Node => ({ apiVersion: "v1", kind: "Node", metadata: { name } });

export class ClusterPods {
  readonly #nodes = new Map<string, NodePods>();
  readonly #known = new Set<string>();
  readonly #places = new Map<string, string>();

  candidates(): NodePods[] {
    return [...this.#known].flatMap((name) => this.#nodes.get(name) ?? []);
  }

  putNode(node: Node): void {
    const { name } = node.metadata;
    this.#at(name).node = node;
    this.#known.add(name);
  }

  removeNode(name: string): void {
    this.#known.delete(name);
    if (this.#nodes.get(name)?.count === 0) this.#nodes.delete(name);
  }

  /** `nodeName`: where the Pod is, or (before the API says so) will be. */
  putPod(pod: Pod, nodeName: string): void {
    const key = objectKey(pod);
    if (this.#places.get(key) !== nodeName) this.removePod(key);
    this.#places.set(key, nodeName);
    this.#at(nodeName).put(pod);
  }

  removePod(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    this.#places.delete(key);
    const node = this.#nodes.get(place);
    node?.remove(key);
    if (node?.count === 0 && !this.#known.has(place)) this.#nodes.delete(place);
  }

  #at(name: string): NodePods {
    const found = this.#nodes.get(name) ?? new NodePods(unknown(name));
    this.#nodes.set(name, found);
    return found;
  }
}
