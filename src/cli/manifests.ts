/** Manifests of the command line: files and folders of YAML or JSON, applied as `kubectl apply --server-side` would. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { lostIndentationInText } from "../api/lost-indentation.ts";
import type { Deployment, KubeObject } from "../api/object.ts";
import { deployments, type Resource } from "../api/resource.ts";
import { apply } from "../client/apply.ts";
import { type ApiClient, ApiError } from "../client/client.ts";
import { CliError, errorCode } from "./errors.ts";

export interface Manifest {
  readonly file: string;
  readonly object: KubeObject;
}

function files(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    const names = readdirSync(path).filter((name) => /\.(ya?ml|json)$/.test(name));
    return names.sort().map((name) => join(path, name));
  } catch (error) {
    throw new CliError(`Cannot read the manifests "${path}" (${errorCode(error) ?? (error as Error).message}).`);
  }
}

function parseFile(file: string): Manifest[] {
  const text = readFileSync(file, "utf8");
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    const [error] = document.errors;
    if (error) {
      const reason = lostIndentationInText(text.slice(...document.range.slice(0, 2))) ?? error.message.split("\n")[0];
      throw new CliError(`Cannot read "${file}": ${reason}`);
    }
    const value: unknown = document.toJS();
    if (value === null || value === undefined) return [];
    const { kind, items } = value as { kind?: unknown; items?: unknown };
    const objects = kind === "List" && Array.isArray(items) ? items : [value];
    return objects.map((object) => ({ file, object: object as KubeObject }));
  });
}

export const readManifests = (paths: readonly string[]): Manifest[] => paths.flatMap(files).flatMap(parseFile);

interface ResourceList {
  readonly resources: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean }[];
}

/** Where the server serves the kinds of one API version, as it says itself (CustomResourceDefinitions included). */
async function discover(client: ApiClient, apiVersion: string): Promise<Resource[]> {
  const [first = "", second] = String(apiVersion).split("/");
  const [group, version] = second === undefined ? ["", first] : [first, second];
  const { status, body } = await client.raw("GET", group ? `/apis/${group}/${version}` : `/api/${version}`);
  if (status !== 200) return [];
  const { resources } = JSON.parse(body.toString()) as ResourceList;
  return resources
    .filter(({ name }) => !name.includes("/"))
    .map(({ name, kind, namespaced }) => ({ group, version, kind, plural: name, namespaced }));
}

/** Namespaces first, the rest in the order of the files. A kind that is not served fails before anything is applied. */
export async function applyManifests(client: ApiClient, manifests: readonly Manifest[]): Promise<void> {
  const versions = [...new Set(manifests.map(({ object }) => object.apiVersion))];
  const served = new Map(await Promise.all(versions.map(async (one) => [one, await discover(client, one)] as const)));
  const steps = manifests.map(({ file, object }) => {
    const { kind, apiVersion } = object;
    const resource = served.get(apiVersion)?.find((known) => known.kind === kind);
    if (!resource) throw new CliError(`Cannot apply "${file}": kind "${kind}" of "${apiVersion}" is not served here.`);
    return { file, object, resource };
  });
  const groups = Map.groupBy(steps, ({ object }) => object.kind === "Namespace");
  for (const group of [groups.get(true), groups.get(false)]) {
    await Promise.all((group ?? []).map((step) => applyManifest(client, step)));
  }
}

async function applyManifest(
  client: ApiClient,
  { file, object, resource }: Manifest & { readonly resource: Resource },
): Promise<void> {
  const metadata = { ...object.metadata };
  if (resource.namespaced) metadata.namespace ??= "default";
  try {
    await apply(client, resource, {
      object: { ...object, metadata },
      fieldManager: "fairlead",
      fieldValidation: "Strict",
    });
  } catch (error) {
    if (error instanceof ApiError) throw new CliError(`Cannot apply "${file}": ${error.message}`);
    throw error;
  }
}

const available = ({ spec, status }: Deployment): boolean => (status?.availableReplicas ?? 0) >= (spec.replicas ?? 1);

/** Resolves when all Deployments among the manifests have their Pods; throws CliError after `timeoutMs`. */
export async function waitForDeployments(
  client: ApiClient,
  manifests: readonly Manifest[],
  timeoutMs: number,
): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  const names = manifests
    .filter(({ object }) => object.kind === "Deployment")
    .map(({ object }) => object.metadata.name);
  const waiting = new Set(names);
  const list = await client.list(deployments, { namespace: "default" });
  for (const deployment of list.items) if (available(deployment)) waiting.delete(deployment.metadata.name);
  try {
    const { resourceVersion } = list.metadata;
    if (waiting.size === 0) return;
    for await (const events of client.watch(deployments, { namespace: "default", resourceVersion, signal })) {
      for (const event of events)
        if (event.type !== "BOOKMARK" && available(event.object)) waiting.delete(event.object.metadata.name);
      if (waiting.size === 0) return;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  throw new CliError(
    `Not ready after ${timeoutMs / 1000} s: deployments ${[...waiting].join(", ")}; see "kubectl get pods" and "kubectl describe pod".`,
  );
}
