/** Services for tests, written as users write them. */
import { formatFieldError } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import type { Service } from "../object.ts";
import { serviceKind } from "./service.ts";

export type Spec = Partial<Service["spec"]>;
export type Annotations = Readonly<Record<string, string>>;

/** A Service with one port, 80, unless the spec says otherwise. */
export function service(spec: Spec, annotations?: Annotations): Service {
  const metadata = { name: "web", namespace: "default", ...(annotations && { annotations: { ...annotations } }) };
  return { apiVersion: "v1", kind: "Service", metadata, spec: structuredClone({ ports: [{ port: 80 }], ...spec }) };
}

/** As it is stored: defaults filled and prepared. */
export function created(spec: Spec, annotations?: Annotations): Service {
  const object = service(spec, annotations);
  serviceKind.setDefaults?.(object);
  serviceKind.prepareForCreate?.(object);
  return object;
}

/** The stored object after `change`, as an update leaves it before validation. */
export function updated(old: Service, change: (spec: Service["spec"]) => void): Service {
  const object = structuredClone(old);
  change(object.spec);
  serviceKind.setDefaults?.(object);
  serviceKind.prepareForUpdate?.(object, old);
  return object;
}

export function texts(faults: readonly FieldError[] | undefined): string[] {
  return (faults ?? []).map(formatFieldError);
}

export function createFaults(spec: Spec, annotations?: Annotations): string[] {
  return texts(serviceKind.validate?.(created(spec, annotations)));
}

export function updateFaults(old: Service, change: (spec: Service["spec"]) => void): string[] {
  const object = updated(old, change);
  return texts([...(serviceKind.validate?.(object, old) ?? []), ...(serviceKind.validateUpdate?.(object, old) ?? [])]);
}
