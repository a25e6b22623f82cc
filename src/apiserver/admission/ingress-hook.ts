/** An Ingress that names no class gets the default one. Source: admission plugin DefaultIngressClass. */
import type { Ingress, IngressClass } from "../../api/object.ts";
import { ingressClasses } from "../../api/resource.ts";
import type { Store } from "../../store/store.ts";
import { createStoreCache } from "../store-cache.ts";
import { admitted, type WriteHook } from "./write-hook.ts";

const defaultAnnotation = "ingressclass.kubernetes.io/is-default-class";
/** How Ingresses named their class before the field. */
const oldAnnotation = "kubernetes.io/ingress.class";

interface DefaultClass {
  readonly name: string;
  readonly created: string;
}

/** The newest, and of several that are as new the first by name. */
export function chooseDefault(classes: Iterable<DefaultClass>): string | undefined {
  const [first] = [...classes].sort((a, b) => {
    if (a.created !== b.created) return a.created > b.created ? -1 : 1;
    return a.name < b.name ? -1 : 1;
  });
  return first?.name;
}

const keepDefault = ({ metadata }: IngressClass): DefaultClass | undefined => {
  const { name, annotations, creationTimestamp = "" } = metadata;
  return annotations?.[defaultAnnotation] === "true" ? { name, created: creationTimestamp } : undefined;
};

export async function createIngressHook(store: Store, signal: AbortSignal): Promise<WriteHook> {
  const classes = await createStoreCache(store, ingressClasses, { keep: keepDefault, signal });
  return {
    admit(object, old) {
      const { metadata, spec } = object as unknown as Ingress;
      if (old || !spec || spec.ingressClassName !== undefined || metadata.annotations?.[oldAnnotation]) return admitted;
      const name = chooseDefault([...classes.values()].filter((one) => one !== undefined));
      if (name !== undefined) spec.ingressClassName = name;
      return admitted;
    },
  };
}
