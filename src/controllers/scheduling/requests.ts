/** What a Pod asks of its Node (core/v1 ResourceRequirements; docs: "Sidecar Containers", resource sharing). */
import type { Container } from "kubernetes-types/core/v1";
import type { Pod } from "../../api/object.ts";
import { milliValueOf } from "../../api/quantity.ts";

/** By resource, in thousandths, so that sums are exact, e.g. `{ cpu: 100, memory: 67108864000 }`. */
export type Requests = Readonly<Record<string, number>>;

type Mutable = Record<string, number>;

const parse = (given: Readonly<Record<string, string>> = {}): Requests =>
  Object.fromEntries(Object.entries(given).map(([name, amount]) => [name, milliValueOf(amount) ?? 0]));

const requestsOf = ({ resources }: Container): Requests => parse({ ...resources?.limits, ...resources?.requests });

function add(sum: Mutable, other: Requests): void {
  for (const [name, amount] of Object.entries(other)) sum[name] = (sum[name] ?? 0) + amount;
}

function raise(most: Mutable, other: Requests): void {
  for (const [name, amount] of Object.entries(other)) most[name] = Math.max(most[name] ?? 0, amount);
}

/** Pod-level resources are newer than the published types. */
type PodLevel = Pod["spec"] & { readonly resources?: { readonly requests?: Record<string, string> } };

/** The most that the Pod uses at any time: while each init container runs, and afterwards; sidecars go on running. */
export function podRequests({ spec }: Pod): Requests {
  const sidecars: Mutable = {};
  const most: Mutable = {};
  for (const container of spec.initContainers ?? []) {
    const wanted = requestsOf(container);
    const during: Mutable = { ...sidecars };
    add(during, wanted);
    raise(most, during);
    if (container.restartPolicy === "Always") add(sidecars, wanted);
  }
  const running: Mutable = { ...sidecars };
  for (const container of spec.containers) add(running, requestsOf(container));
  raise(most, running);
  Object.assign(most, parse((spec as PodLevel).resources?.requests));
  add(most, parse(spec.overhead));
  return most;
}
