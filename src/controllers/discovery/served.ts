/** Which kinds the API server serves (Kubernetes "API Concepts", discovery). */
import type { Resource } from "../../api/resource.ts";
import { type ApiClient, ApiError } from "../../client/client.ts";

/** A kind as discovery names it, with what may be done to its objects. */
export interface Served extends Resource {
  readonly verbs: readonly string[];
}

interface ResourceList {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
    readonly verbs: readonly string[];
  }[];
}

interface Group {
  readonly name: string;
  readonly versions: readonly { readonly version: string }[];
  readonly preferredVersion?: { readonly version: string };
}

/** One text for a kind, whatever version of it is meant, e.g. "apps Deployment". */
export const kindKey = ({ group, kind }: { group: string; kind: string }): string => `${group} ${kind}`;

/** e.g. "deployments.apps", "pods". */
export const resourceName = ({ group, plural }: { group: string; plural: string }): string =>
  group ? `${plural}.${group}` : plural;

async function getJson<T>(client: ApiClient, path: string): Promise<T> {
  const { status, body } = await client.raw("GET", path);
  if (status >= 300) {
    const message = `Cannot read "${path}": the API server answered ${status}`;
    throw new ApiError({ kind: "Status", status: "Failure", code: status, message });
  }
  return JSON.parse(body.toString()) as T;
}

async function resourcesOf(client: ApiClient, group: string, version: string): Promise<Served[]> {
  const path = group ? `/apis/${group}/${version}` : `/api/${version}`;
  const { resources = [] } = await getJson<ResourceList>(client, path);
  return resources
    .filter(({ name }) => !name.includes("/"))
    .map(({ name, kind, namespaced, verbs }) => ({ group, version, kind, plural: name, namespaced, verbs }));
}

/**
 * Each kind once, in the version that its group prefers, or the first that has it. Throws if any group cannot be asked:
 * half a picture would look as if kinds had gone.
 */
export async function discover(client: ApiClient): Promise<Served[]> {
  const { groups = [] } = await getJson<{ groups?: Group[] }>(client, "/apis");
  const versions = [
    { group: "", version: "v1" },
    ...groups.flatMap(({ name, versions: all, preferredVersion }) => {
      const first = preferredVersion?.version;
      const sorted = [...all].sort((one, other) => Number(other.version === first) - Number(one.version === first));
      return sorted.map(({ version }) => ({ group: name, version }));
    }),
  ];
  const found = await Promise.all(versions.map(({ group, version }) => resourcesOf(client, group, version)));
  const byName = new Map<string, Served>();
  for (const served of found.flat()) {
    if (!byName.has(resourceName(served))) byName.set(resourceName(served), served);
  }
  return [...byName.values()];
}
