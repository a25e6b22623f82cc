/** Rules of a Pod's containers: names, images, ports, environment, mounts, resources. */
import type { Container, EnvFromSource, EnvVar, PodSpec } from "kubernetes-types/core/v1";
import { duplicate, invalid, notFound, notSupported, required } from "../field-error.ts";
import { ownField } from "../json.ts";
import type { FieldError } from "../kind.ts";
import { checkDnsLabel, checkEnvName, checkPortName } from "../names.ts";
import { compareQuantities, parseQuantity } from "../quantity.ts";
import { checked, oneOf, protocols, validatePortNumber } from "./_check.ts";
import { validateEnvField, validateEnvResource } from "./_field-ref.ts";
import { validateHandlers, validateInitHandlers } from "./_probe-validate.ts";
import { validateContainerSecurity } from "./_security-validate.ts";

const pullPolicies = ["Always", "IfNotPresent", "Never"];
const propagations = ["Bidirectional", "HostToContainer", "None"];
const messagePolicies = ["FallbackToLogsOnError", "File"];

/** Faults of the containers and init containers of a Pod spec that stands at `field`. */
export function validateContainers(field: string, spec: PodSpec): FieldError[] {
  const containers = spec.containers ?? [];
  const inits = spec.initContainers ?? [];
  const volumes = new Set((spec.volumes ?? []).map(({ name }) => name));
  const names = new Set<string>();
  const faults = containers.length === 0 ? [required(`${field}.containers`)] : [];
  const each = (list: readonly Container[], path: string) =>
    list.flatMap((container, index) => [
      ...validateName(`${path}[${index}].name`, container.name, names),
      ...validateContainer(`${path}[${index}]`, container, volumes),
    ]);
  faults.push(...each(containers, `${field}.containers`));
  faults.push(...each(inits, `${field}.initContainers`));
  for (const [index, init] of inits.entries()) {
    faults.push(...validateInitHandlers(`${field}.initContainers[${index}]`, init));
  }
  for (const [index, { restartPolicy }] of inits.entries()) {
    if (restartPolicy === undefined || restartPolicy === "Always") continue;
    faults.push(notSupported(`${field}.initContainers[${index}].restartPolicy`, restartPolicy, ["Always"]));
  }
  faults.push(...validateHostPorts(`${field}.containers`, containers, spec.hostNetwork === true));
  return faults;
}

function validateName(field: string, name: string, seen: Set<string>): FieldError[] {
  if (!name) return [required(field)];
  if (seen.has(name)) return [duplicate(field, name)];
  seen.add(name);
  return checked(field, name, checkDnsLabel(name));
}

/** The rules of every container, whatever its part in the Pod. */
export function validateContainer(path: string, container: Container, volumes: ReadonlySet<string>): FieldError[] {
  const { image = "" } = container;
  const faults: FieldError[] = [];
  if (!image) faults.push(required(`${path}.image`));
  else if (image !== image.trim()) {
    faults.push(invalid(`${path}.image`, image, "must not have leading or trailing whitespace"));
  }
  return [
    ...faults,
    ...validateHandlers(path, container),
    ...oneOf(`${path}.terminationMessagePolicy`, container.terminationMessagePolicy, messagePolicies),
    ...validatePorts(`${path}.ports`, container),
    ...(container.env ?? []).flatMap((variable, index) => validateEnv(`${path}.env[${index}]`, variable)),
    ...(container.envFrom ?? []).flatMap((source, index) => validateEnvFrom(`${path}.envFrom[${index}]`, source)),
    ...validateMounts(`${path}.volumeMounts`, container, volumes),
    ...oneOf(`${path}.imagePullPolicy`, container.imagePullPolicy, pullPolicies),
    ...validateResources(`${path}.resources`, container),
    ...validateContainerSecurity(path, container),
  ];
}

function validatePorts(field: string, { ports = [] }: Container): FieldError[] {
  const names = new Set<string>();
  return ports.flatMap(({ name, containerPort, hostPort, protocol }, index) => {
    const path = `${field}[${index}]`;
    const faults: FieldError[] = [];
    if (name) {
      const nameFaults = checked(`${path}.name`, name, checkPortName(name));
      faults.push(...nameFaults);
      if (nameFaults.length === 0 && names.has(name)) faults.push(duplicate(`${path}.name`, name));
      names.add(name);
    }
    if (!containerPort) faults.push(required(`${path}.containerPort`));
    else faults.push(...validatePortNumber(`${path}.containerPort`, containerPort));
    if (hostPort) faults.push(...validatePortNumber(`${path}.hostPort`, hostPort));
    return [...faults, ...oneOf(`${path}.protocol`, protocol, protocols)];
  });
}

/** Two containers cannot have the same port of the node; with hostNetwork every port is the node's. */
function validateHostPorts(field: string, containers: readonly Container[], hostNetwork: boolean): FieldError[] {
  const seen = new Set<string>();
  const faults: FieldError[] = [];
  for (const [index, { ports = [] }] of containers.entries()) {
    for (const [at, { containerPort, hostPort = 0, hostIP = "", protocol }] of ports.entries()) {
      const path = `${field}[${index}].ports[${at}]`;
      if (hostNetwork && hostPort !== containerPort) {
        faults.push(
          invalid(`${path}.containerPort`, containerPort, "must match `hostPort` when `hostNetwork` is true"),
        );
      }
      if (hostPort === 0) continue;
      const key = `${protocol}/${hostIP}/${hostPort}`;
      if (seen.has(key)) faults.push(duplicate(`${path}.hostPort`, key));
      seen.add(key);
    }
  }
  return faults;
}

const envSources = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];

function validateEnv(path: string, { name, value, valueFrom }: EnvVar): FieldError[] {
  const faults = name ? checked(`${path}.name`, name, checkEnvName(name)) : [required(`${path}.name`)];
  if (!valueFrom) return faults;
  const field = `${path}.valueFrom`;
  const count = Object.keys(valueFrom).filter((key) => envSources.includes(key)).length;
  if (value) faults.push(invalid(field, "", "may not be specified when `value` is not empty"));
  if (count > 1) faults.push(invalid(field, "", "may not have more than one field specified at a time"));
  if (count === 0) {
    const sources = envSources.map((source) => `\`${source}\``);
    const detail = `must specify one of: ${sources.slice(0, -1).join(", ")} or ${sources.at(-1)}`;
    faults.push(invalid(field, "", detail));
  }
  for (const source of ["configMapKeyRef", "secretKeyRef"] as const) {
    const reference = valueFrom[source];
    if (reference && !reference.name) faults.push(required(`${field}.${source}.name`));
    if (reference && !reference.key) faults.push(required(`${field}.${source}.key`));
  }
  const { fieldRef, resourceFieldRef } = valueFrom;
  if (fieldRef) faults.push(...validateEnvField(`${field}.fieldRef`, fieldRef));
  if (resourceFieldRef) faults.push(...validateEnvResource(`${field}.resourceFieldRef`, resourceFieldRef));
  return faults;
}

function validateEnvFrom(path: string, { prefix, configMapRef, secretRef }: EnvFromSource): FieldError[] {
  const faults = prefix ? checked(`${path}.prefix`, prefix, checkEnvName(prefix)) : [];
  if (configMapRef && secretRef) {
    faults.push(invalid(path, "", "may not have more than one field specified at a time"));
  }
  if (!configMapRef && !secretRef) {
    faults.push(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"));
  }
  if (configMapRef && !configMapRef.name) faults.push(required(`${path}.configMapRef.name`));
  if (secretRef && !secretRef.name) faults.push(required(`${path}.secretRef.name`));
  return faults;
}

function validateMounts(field: string, container: Container, volumes: ReadonlySet<string>): FieldError[] {
  const paths = new Set<string>();
  return (container.volumeMounts ?? []).flatMap(
    ({ name, mountPath, subPath, subPathExpr, mountPropagation }, index) => {
      const path = `${field}[${index}]`;
      const faults: FieldError[] = [];
      if (!name) faults.push(required(`${path}.name`));
      if (!volumes.has(name)) faults.push(notFound(`${path}.name`, name));
      if (!mountPath) faults.push(required(`${path}.mountPath`));
      if (paths.has(mountPath)) faults.push(invalid(`${path}.mountPath`, mountPath, "must be unique"));
      paths.add(mountPath);
      if (subPath?.startsWith("/")) faults.push(invalid(`${path}.subPath`, subPath, "must be a relative path"));
      if (subPath?.split("/").includes("..")) {
        faults.push(invalid(`${path}.subPath`, subPath, "must not contain '..'"));
      }
      if (subPath && subPathExpr) {
        faults.push(invalid(`${path}.subPathExpr`, subPathExpr, "subPathExpr and subPath are mutually exclusive"));
      }
      if (mountPropagation !== undefined && !propagations.includes(mountPropagation)) {
        faults.push(notSupported(`${path}.mountPropagation`, mountPropagation, propagations));
      }
      return faults;
    },
  );
}

function validateResources(field: string, { resources }: Container): FieldError[] {
  const { limits = {}, requests = {} } = resources ?? {};
  const faults: FieldError[] = [];
  for (const [kind, list] of Object.entries({ limits, requests })) {
    for (const [name, text] of Object.entries(list)) {
      const quantity = parseQuantity(text);
      if (quantity && quantity.nano >= 0n) continue;
      faults.push(invalid(`${field}.${kind}[${name}]`, text, "must be greater than or equal to 0"));
    }
  }
  if (faults.length > 0) return faults;
  for (const [name, request] of Object.entries(requests)) {
    const limit = ownField(limits, name);
    if (limit === undefined || compareQuantities(request, limit) <= 0) continue;
    faults.push(invalid(`${field}.requests`, request, `must be less than or equal to ${name} limit of ${limit}`));
  }
  return faults;
}
