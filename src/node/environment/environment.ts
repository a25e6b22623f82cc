/** The environment of a container (pure). Source: core/v1 Container.env and envFrom. */
import type { Container, EnvVar } from "kubernetes-types/core/v1";
import type { ConfigMap, Secret } from "../../api/object.ts";
import { expand } from "./expand.ts";
import { ContainerConfigError, fieldValue, type PodFacts, resourceValue } from "./field-ref.ts";

/** ConfigMaps and Secrets of the Pod's namespace that were asked for; undefined: there is none of the name. */
export interface ConfigSource {
  configMap(name: string): ConfigMap | undefined;
  secret(name: string): Secret | undefined;
}

export interface EnvironmentInputs {
  readonly facts: PodFacts;
  readonly sources: ConfigSource;
  /** Lowest in rank: Service variables. */
  readonly base: Readonly<Record<string, string>>;
}

/** Values of a Secret as text. */
export function secretText(secret: Secret, key: string): string | undefined {
  const value = secret.data?.[key];
  return value === undefined ? undefined : Buffer.from(value, "base64").toString();
}

type Reference = { readonly name?: string | undefined; readonly optional?: boolean | undefined };

function present<T>(object: T | undefined, { name, optional }: Reference, kind: string): T | undefined {
  if (object === undefined && !optional) throw new ContainerConfigError(`${kind} "${name}" not found`);
  return object;
}

function fromKey(variable: EnvVar, { sources, facts }: EnvironmentInputs): string | undefined {
  const { configMapKeyRef, secretKeyRef } = variable.valueFrom ?? {};
  const reference = configMapKeyRef ?? secretKeyRef;
  if (!reference) return undefined;
  const { name = "", key, optional } = reference;
  const [kind, value] = configMapKeyRef
    ? ["ConfigMap", present(sources.configMap(name), reference, "configmap")?.data?.[key]]
    : ["Secret", readSecret(present(sources.secret(name), reference, "secret"), key)];
  if (value === undefined && !optional) {
    throw new ContainerConfigError(`couldn't find key ${key} in ${kind} ${facts.pod.metadata.namespace}/${name}`);
  }
  return value;
}

const readSecret = (secret: Secret | undefined, key: string) => secret && secretText(secret, key);

function referredValue(variable: EnvVar, container: Container, inputs: EnvironmentInputs): string | undefined {
  const { fieldRef, resourceFieldRef } = variable.valueFrom ?? {};
  if (fieldRef) return fieldValue(fieldRef.fieldPath, inputs.facts);
  if (resourceFieldRef) return resourceValue(resourceFieldRef, { container, facts: inputs.facts });
  return fromKey(variable, inputs);
}

function fromSources(container: Container, { sources }: EnvironmentInputs): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const { prefix = "", configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef) {
      const data = present(sources.configMap(configMapRef.name ?? ""), configMapRef, "configmap")?.data ?? {};
      for (const [key, value] of Object.entries(data)) variables[prefix + key] = value;
    }
    if (secretRef) {
      const secret = present(sources.secret(secretRef.name ?? ""), secretRef, "secret");
      for (const key of Object.keys(secret?.data ?? {}))
        variables[prefix + key] = (secret && secretText(secret, key)) ?? "";
    }
  }
  return variables;
}

/** Throws ContainerConfigError for a reference that cannot be resolved and is not optional. */
export function buildEnvironment(container: Container, inputs: EnvironmentInputs): Record<string, string> {
  const variables = { ...inputs.base, ...fromSources(container, inputs) };
  for (const variable of container.env ?? []) {
    const value = variable.valueFrom
      ? referredValue(variable, container, inputs)
      : expand(variable.value ?? "", variables);
    if (value !== undefined) variables[variable.name] = value;
  }
  return variables;
}

/** Names of the ConfigMaps and Secrets that the container's environment reads. */
export function environmentReferences(container: Container): { configMaps: string[]; secrets: string[] } {
  const sources = [
    ...(container.envFrom ?? []).map(({ configMapRef, secretRef }) => ({ configMap: configMapRef, secret: secretRef })),
    ...(container.env ?? []).map(({ valueFrom }) => ({
      configMap: valueFrom?.configMapKeyRef,
      secret: valueFrom?.secretKeyRef,
    })),
  ];
  return {
    configMaps: sources.flatMap(({ configMap }) => configMap?.name ?? []),
    secrets: sources.flatMap(({ secret }) => secret?.name ?? []),
  };
}
