/** Takes a Service's node ports, and its health check's, from the pool. */
import { internal, invalid } from "../../api/field-error.ts";
import type { FieldError } from "../../api/kind.ts";
import type { Service } from "../../api/object.ts";
import type { PortPool } from "./port-pool.ts";

const isExposed = ({ spec }: Service): boolean => spec.type === "NodePort" || spec.type === "LoadBalancer";

const needsNodePorts = ({ spec }: Service): boolean =>
  spec.type === "NodePort" || (spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false);

const needsHealthCheckNodePort = ({ spec }: Service): boolean =>
  spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local";

/** The numbers that a Service holds. */
export function nodePortsOf(service: Service | undefined): number[] {
  if (!service || !isExposed(service)) return [];
  const ports = (service.spec.ports ?? []).map(({ nodePort }) => nodePort ?? 0);
  if (needsHealthCheckNodePort(service)) ports.push(service.spec.healthCheckNodePort ?? 0);
  return [...new Set(ports.filter((port) => port > 0))];
}

/** One Service's dealings with the pool. */
interface Account {
  readonly pool: PortPool;
  /** Numbers that it holds or has just taken. */
  readonly own: Set<number>;
  readonly taken: number[];
}

/** Undefined: it is the Service's own now; else why not. */
function reserve({ pool, own, taken }: Account, port: number): string | undefined {
  if (own.has(port)) return undefined;
  const reservation = pool.reserve(port);
  if (!reservation.ok) return reservation.reason;
  own.add(port);
  taken.push(port);
  return undefined;
}

function take({ pool, own, taken }: Account): number | undefined {
  const port = pool.take();
  if (port === undefined) return undefined;
  own.add(port);
  taken.push(port);
  return port;
}

function reserveRequested(service: Service, account: Account): FieldError[] {
  for (const [index, { nodePort }] of (service.spec.ports ?? []).entries()) {
    const reason = nodePort ? reserve(account, nodePort) : undefined;
    if (reason) return [invalid(`spec.ports[${index}].nodePort`, nodePort, reason)];
  }
  return [];
}

/** In a new Service, ports of one number (TCP and UDP) share a node port. */
function takeMissing(service: Service, old: Service | undefined, account: Account): FieldError[] {
  const ports = service.spec.ports ?? [];
  for (const port of ports) {
    if (port.nodePort) continue;
    const sibling = old ? undefined : ports.find((other) => other.port === port.port && other.nodePort)?.nodePort;
    const number = sibling ?? take(account);
    if (number === undefined) return [internal("spec.ports", "failed to allocate a nodePort: range is full")];
    port.nodePort = number;
  }
  return [];
}

function allocateHealthCheck({ spec }: Service, old: Service | undefined, account: Account): FieldError[] {
  const field = "spec.healthCheckNodePort";
  const before = old && needsHealthCheckNodePort(old) ? old.spec.healthCheckNodePort : undefined;
  const wanted = spec.healthCheckNodePort || before;
  const port = wanted || take(account);
  if (port === undefined) return [internal(field, "failed to allocate a HealthCheck NodePort: range is full")];
  spec.healthCheckNodePort = port;
  const reason = reserve(account, port);
  if (!reason) return [];
  return [internal(field, `failed to allocate requested HealthCheck NodePort ${port}: ${reason}`)];
}

/** Fills nodePort and healthCheckNodePort, in place; what is taken is written to `taken`. */
export function allocateNodePorts(
  service: Service,
  old: Service | undefined,
  { pool, taken }: { pool: PortPool; taken: number[] },
): FieldError[] {
  const account: Account = { pool, own: new Set(nodePortsOf(old)), taken };
  let faults = isExposed(service) ? reserveRequested(service, account) : [];
  if (faults.length === 0 && needsNodePorts(service)) faults = takeMissing(service, old, account);
  if (faults.length > 0 || !needsHealthCheckNodePort(service)) return faults;
  return allocateHealthCheck(service, old, account);
}
