/** Rules of probes and lifecycle hooks: each has exactly one handler. */
import type {
  Container,
  ExecAction,
  GRPCAction,
  HTTPGetAction,
  Probe,
  TCPSocketAction,
} from "kubernetes-types/core/v1";
import { forbidden, invalid, required } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import { checkHttpHeaderName } from "../names.ts";
import { checked, oneOf, validateNonNegative, validatePortNumber, validatePortOrName } from "./_check.ts";

interface Handler {
  readonly exec?: ExecAction;
  readonly httpGet?: HTTPGetAction;
  readonly tcpSocket?: TCPSocketAction;
  readonly grpc?: GRPCAction;
  readonly sleep?: { readonly seconds: number };
}

const handlerTypes = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] as const;
const probeNames = ["livenessProbe", "readinessProbe", "startupProbe"] as const;
const hookNames = ["postStart", "preStop"] as const;

/** Faults of a container's probes and hooks. */
export function validateHandlers(path: string, container: Container): FieldError[] {
  return [
    ...hookNames.flatMap((name) => {
      const hook = container.lifecycle?.[name];
      return hook ? validateHandler(`${path}.lifecycle.${name}`, hook) : [];
    }),
    ...probeNames.flatMap((name) => {
      const probe = container[name];
      return probe ? validateProbe(`${path}.${name}`, probe, name !== "readinessProbe") : [];
    }),
  ];
}

/** An init container that ends has nothing to probe; only one that restarts, a sidecar, has. */
export function validateInitHandlers(path: string, container: Container): FieldError[] {
  if (container.restartPolicy === "Always") return [];
  const detail = "may not be set for init containers without restartPolicy=Always";
  return ([...probeNames, "lifecycle"] as const)
    .filter((name) => container[name] !== undefined)
    .map((name) => forbidden(`${path}.${name}`, detail));
}

const probeNumbers = [
  "initialDelaySeconds",
  "timeoutSeconds",
  "periodSeconds",
  "successThreshold",
  "failureThreshold",
] as const;

function validateProbe(path: string, probe: Probe, singleSuccess: boolean): FieldError[] {
  const faults = validateHandler(path, probe);
  for (const name of probeNumbers) faults.push(...validateNonNegative(`${path}.${name}`, probe[name]));
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0) {
    faults.push(invalid(`${path}.terminationGracePeriodSeconds`, grace, "must be greater than 0"));
  }
  if (singleSuccess && probe.successThreshold !== 1) {
    faults.push(invalid(`${path}.successThreshold`, probe.successThreshold ?? 0, "must be 1"));
  }
  if (!singleSuccess && grace !== undefined) {
    faults.push(invalid(`${path}.terminationGracePeriodSeconds`, grace, "must not be set for readinessProbes"));
  }
  return faults;
}

function validateHandler(path: string, handler: Handler): FieldError[] {
  const [first, ...others] = handlerTypes.filter((type) => handler[type] !== undefined);
  if (!first) return [required(path, "must specify a handler type")];
  return [
    ...others.map((type) => forbidden(`${path}.${type}`, "may not specify more than 1 handler type")),
    ...validateAction(path, { [first]: handler[first] }),
  ];
}

function validateAction(path: string, { exec, httpGet, tcpSocket, grpc }: Handler): FieldError[] {
  if (exec) return exec.command?.length ? [] : [required(`${path}.exec.command`)];
  if (tcpSocket) return validatePortOrName(`${path}.tcpSocket.port`, tcpSocket.port);
  if (grpc) return validatePortNumber(`${path}.grpc.port`, grpc.port);
  if (!httpGet) return [];
  const faults = httpGet.path ? [] : [required(`${path}.httpGet.path`)];
  faults.push(...validatePortOrName(`${path}.httpGet.port`, httpGet.port));
  faults.push(...oneOf(`${path}.httpGet.scheme`, httpGet.scheme, ["HTTP", "HTTPS"]));
  for (const [index, { name }] of (httpGet.httpHeaders ?? []).entries()) {
    faults.push(...checked(`${path}.httpGet.httpHeaders[${index}].name`, name, checkHttpHeaderName(name)));
  }
  return faults;
}
