/** The files of volumes that are made from API objects (pure). Source: core/v1 ConfigMap-, Secret-, DownwardAPI- and ProjectedVolumeSource. */
import type {
  ConfigMapVolumeSource,
  DownwardAPIVolumeFile,
  KeyToPath,
  SecretVolumeSource,
  ServiceAccountTokenProjection,
  Volume,
  VolumeProjection,
} from "kubernetes-types/core/v1";
import type { ConfigMap, Secret } from "../../api/object.ts";
import type { ConfigSource } from "../environment/environment.ts";
import { ContainerConfigError, fieldValue, type PodFacts, resourceValue } from "../environment/field-ref.ts";
import { type Token, tokenKey } from "./service-account-token.ts";

export interface VolumeFile {
  /** Relative, e.g. "config/app.yaml". */
  readonly path: string;
  readonly content: Buffer;
  readonly mode: number;
}

export interface VolumeInputs {
  readonly facts: PodFacts;
  readonly sources: ConfigSource;
  /** By tokenKey(). */
  readonly tokens?: ReadonlyMap<string, Token>;
}

const defaultFileMode = 0o644;

type Data = ReadonlyMap<string, Buffer>;

function configMapData({ data = {}, binaryData = {} }: ConfigMap): Data {
  const text = Object.entries(data).map(([key, value]) => [key, Buffer.from(value)] as const);
  const binary = Object.entries(binaryData).map(([key, value]) => [key, Buffer.from(value, "base64")] as const);
  return new Map([...text, ...binary]);
}

function secretData({ data = {} }: Secret): Data {
  return new Map(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64")]));
}

interface KeyedSource {
  readonly items?: readonly KeyToPath[] | undefined;
  readonly optional?: boolean | undefined;
}

function checkedPath(path: string): string {
  if (path === "" || path.startsWith("/") || path.split("/").includes("..")) {
    throw new ContainerConfigError(`cannot use "${path}" as a path in a volume: must be relative, without ".."`);
  }
  return path;
}

function keyedFiles(
  data: Data | undefined,
  source: KeyedSource,
  { name, mode }: { name: string; mode: number },
): VolumeFile[] {
  if (!data) {
    if (source.optional) return [];
    throw new ContainerConfigError(`${name} not found`);
  }
  const items = source.items ?? [...data.keys()].map((key): KeyToPath => ({ key, path: key }));
  return items.flatMap(({ key, path, mode: own }) => {
    const content = data.get(key);
    if (content) return [{ path: checkedPath(path), content, mode: own ?? mode }];
    if (source.optional) return [];
    throw new ContainerConfigError(`references non-existent config key: ${key}`);
  });
}

function configMapFiles(source: ConfigMapVolumeSource, { sources }: VolumeInputs, mode: number): VolumeFile[] {
  const { name = "" } = source;
  const object = sources.configMap(name);
  return keyedFiles(object && configMapData(object), source, { name: `configmap "${name}"`, mode });
}

function secretFiles(
  source: Omit<SecretVolumeSource, "defaultMode">,
  { sources }: VolumeInputs,
  mode: number,
): VolumeFile[] {
  const { secretName: name = "" } = source;
  const object = sources.secret(name);
  return keyedFiles(object && secretData(object), source, { name: `secret "${name}"`, mode });
}

function downwardFiles(items: readonly DownwardAPIVolumeFile[], { facts }: VolumeInputs, mode: number): VolumeFile[] {
  return items.map(({ path, fieldRef, resourceFieldRef, mode: own }) => {
    const container = facts.pod.spec.containers.find(({ name }) => name === resourceFieldRef?.containerName) ?? {};
    const text = resourceFieldRef
      ? resourceValue(resourceFieldRef, { container, facts })
      : fieldValue(fieldRef?.fieldPath ?? "", facts);
    return { path: checkedPath(path), content: Buffer.from(text), mode: own ?? mode };
  });
}

function tokenFiles(source: ServiceAccountTokenProjection, { tokens }: VolumeInputs, mode: number): VolumeFile[] {
  const found = tokens?.get(tokenKey(source));
  if (!found) throw new ContainerConfigError("the token of the service account was not fetched");
  return [{ path: checkedPath(source.path), content: Buffer.from(found.token), mode }];
}

function projectedFiles(projection: VolumeProjection, inputs: VolumeInputs, mode: number): VolumeFile[] {
  const { configMap, secret, downwardAPI, serviceAccountToken } = projection;
  if (configMap) return configMapFiles(configMap, inputs, mode);
  if (secret) return secretFiles({ ...secret, ...(secret.name && { secretName: secret.name }) }, inputs, mode);
  if (downwardAPI) return downwardFiles(downwardAPI.items ?? [], inputs, mode);
  if (serviceAccountToken) return tokenFiles(serviceAccountToken, inputs, mode);
  return [];
}

/** Undefined for a volume that is no set of files from API objects; throws ContainerConfigError when one is missing. */
export function volumeFiles(volume: Volume, inputs: VolumeInputs): VolumeFile[] | undefined {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap) return configMapFiles(configMap, inputs, configMap.defaultMode ?? defaultFileMode);
  if (secret) return secretFiles(secret, inputs, secret.defaultMode ?? defaultFileMode);
  if (downwardAPI) return downwardFiles(downwardAPI.items ?? [], inputs, downwardAPI.defaultMode ?? defaultFileMode);
  if (!projected) return undefined;
  const mode = projected.defaultMode ?? defaultFileMode;
  return (projected.sources ?? []).flatMap((projection) => projectedFiles(projection, inputs, mode));
}

/** Names of the ConfigMaps and Secrets that the volumes are made from. */
export function volumeReferences(volumes: readonly Volume[]): { configMaps: string[]; secrets: string[] } {
  const sources = volumes.flatMap(({ configMap, secret, projected }) => [
    { configMap: configMap?.name, secret: secret?.secretName },
    ...(projected?.sources ?? []).map((source) => ({ configMap: source.configMap?.name, secret: source.secret?.name })),
  ]);
  return {
    configMaps: sources.flatMap(({ configMap }) => configMap ?? []),
    secrets: sources.flatMap(({ secret }) => secret ?? []),
  };
}
