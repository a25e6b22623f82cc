/** Takes a Service's node ports, and its health check's, from the pool. */
import { internal, invalid } from "../../api/field-error.ts";
import type { FieldError } from "../../api/kind.ts";
import { isExposed, needsHealthCheckNodePort, needsNodePorts } from "../../api/kinds/service-type.ts";
import type { Service } from "../../api/object.ts";
import type { PortPool } from "./port-pool.ts";

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
  /** Numbers that need not be taken: of the old object, and what an update has taken for another port. */
  readonly own: Set<number>;
  readonly taken: number[];
}

/** Undefined: it is the Service's own now; else why not. */
function reserve({ pool, taken }: Account, port: number): string | undefined {
  const reservation = pool.reserve(port);
  if (!reservation.ok) return reservation.reason;
  taken.push(port);
  return undefined;
}

function take({ pool, taken }: Account): number | undefined {
  const port = pool.take();
  if (port !== undefined) taken.push(port);
  return port;
}

const refused = (index: number, port: number, reason: string): FieldError[] => [
  invalid(`spec.ports[${index}].nodePort`, port, reason),
];
const usedUp = (): FieldError[] => [internal("spec.ports", "failed to allocate a nodePort: range is full")];

/** Service-api S82: in a new Service, ports of one number (TCP and UDP) share a node port; nothing else may be named twice. */
function fillNew(service: Service, account: Account): FieldError[] {
  const ports = service.spec.ports ?? [];
  const shared = new Map<number, number>();
  for (const [index, port] of ports.entries()) {
    if (!port.nodePort && !needsNodePorts(service)) continue;
    const known = shared.get(port.port);
    const asked = known === undefined ? ports.find((other) => other.port === port.port && other.nodePort) : port;
    const wanted = asked?.nodePort;
    if (known !== undefined && (!wanted || wanted === known)) {
      port.nodePort = known;
      continue;
    }
    const reason = wanted ? reserve(account, wanted) : undefined;
    if (wanted && reason) return refused(index, wanted, reason);
    const number = wanted || take(account);
    if (number === undefined) return usedUp();
    port.nodePort = number;
    if (known === undefined) shared.set(port.port, number);
  }
  return [];
}

function fillChanged(service: Service, account: Account): FieldError[] {
  for (const [index, port] of (service.spec.ports ?? []).entries()) {
    if (!port.nodePort && !needsNodePorts(service)) continue;
    if (!port.nodePort) {
      const number = take(account);
      if (number === undefined) return usedUp();
      port.nodePort = number;
    } else if (!account.own.has(port.nodePort)) {
      const reason = reserve(account, port.nodePort);
      if (reason) return refused(index, port.nodePort, reason);
      account.own.add(port.nodePort);
    }
  }
  return [];
}

/** Once it has one it keeps it (S55, S67). */
function allocateHealthCheck({ spec }: Service, account: Account): FieldError[] {
  const field = "spec.healthCheckNodePort";
  const port = spec.healthCheckNodePort || take(account);
  if (port === undefined) return [internal(field, "failed to allocate a HealthCheck NodePort 0: range is full")];
  const reason = spec.healthCheckNodePort ? reserve(account, port) : undefined;
  spec.healthCheckNodePort = port;
  return reason ? [internal(field, `failed to allocate requested HealthCheck NodePort ${port}: ${reason}`)] : [];
}

/** Fills nodePort and healthCheckNodePort, in place; what is taken is written to `taken`. */
export function allocateNodePorts(
  service: Service,
  old: Service | undefined,
  { pool, taken }: { pool: PortPool; taken: number[] },
): FieldError[] {
  const account: Account = { pool, own: new Set(nodePortsOf(old)), taken };
  const fill = old ? fillChanged : fillNew;
  const faults = isExposed(service) ? fill(service, account) : [];
  if (faults.length > 0 || !needsHealthCheckNodePort(service)) return faults;
  return old && needsHealthCheckNodePort(old) ? [] : allocateHealthCheck(service, account);
}
