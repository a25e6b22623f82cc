/** Which kinds count the changes of what is wanted: not all, and not only those with a spec. */
import type { KubeObject } from "../object.ts";

/** Removes `metadata.generation` from a new object whose kind has none, in place. */
export function dropGeneration({ metadata }: KubeObject): void {
  Reflect.deleteProperty(metadata, "generation");
}

/** Starts to count the changes of a new object, in place. */
export function startGeneration({ metadata }: KubeObject): void {
  Object.assign(metadata, { generation: 1 });
}
