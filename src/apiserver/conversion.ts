/** Custom resources as another version, by the webhook that their definition names. Source: Kubernetes "Versions in CustomResourceDefinitions", webhook conversion. */
import { randomUUID } from "node:crypto";
import type { Kind } from "../api/kind.ts";
import type { WebhookClient } from "../api/kinds/_webhook-client.ts";
import type { CustomResourceDefinition, KubeObject } from "../api/object.ts";
import { internalError } from "../api/status.ts";
import type { ServerContext } from "./context.ts";

export type Convert = NonNullable<NonNullable<Kind["stored"]>["convert"]>;

/** As long as Kubernetes waits. */
const timeoutSeconds = 30;
const reviewVersions = ["v1", "v1beta1"];

interface Response {
  readonly uid?: string;
  readonly result?: { readonly status?: string; readonly message?: string };
  readonly convertedObjects?: readonly KubeObject[];
}

/** Throws an Error that says what is wrong with the answer. */
function convertedIn(answer: unknown, version: string, uid: string): readonly KubeObject[] {
  const { apiVersion, kind, response } = (answer ?? {}) as { apiVersion?: string; kind?: string; response?: Response };
  const expected = "apiextensions.k8s.io/v1, Kind=ConversionReview";
  if (version === "v1" && (apiVersion !== "apiextensions.k8s.io/v1" || kind !== "ConversionReview")) {
    throw new Error(`expected webhook response of ${expected}, got ${apiVersion ?? ""}, Kind=${kind ?? ""}`);
  }
  if (!response) throw new Error("no response provided");
  if (version === "v1" && response.uid !== uid) {
    throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? "")}`);
  }
  const { status = "", message } = response.result ?? {};
  if (status !== "Success") throw new Error(message || `response.result.status was '${status}', not 'Success'`);
  return response.convertedObjects ?? [];
}

const same = ["name", "namespace", "uid"] as const;
const words = { name: "name", namespace: "namespace", uid: "UID" } as const;

/** Only labels and annotations may change on the way; all other metadata is as it was. */
function checked(converted: KubeObject, original: KubeObject, apiVersion: string): KubeObject {
  if (converted.apiVersion !== apiVersion) {
    throw new Error(`invalid groupVersion (expected ${apiVersion}, received ${converted.apiVersion})`);
  }
  if (converted.kind !== original.kind) {
    throw new Error(`invalid kind (expected ${original.kind}, received ${converted.kind})`);
  }
  const { metadata } = converted;
  if (typeof metadata !== "object" || metadata === null) throw new Error("missing metadata in converted object");
  for (const field of same) {
    const [before, after] = [original.metadata[field] ?? "", metadata[field] ?? ""];
    if (before !== after) throw new Error(`must have the same ${words[field]}: ${before} != ${after}`);
  }
  const { labels, annotations } = metadata;
  const { labels: _labels, annotations: _annotations, ...rest } = original.metadata;
  const kept = { ...rest, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) };
  return { ...converted, metadata: kept };
}

/** Undefined: all versions are alike but for their names. */
export function converterOf(server: ServerContext, { spec }: CustomResourceDefinition): Convert | undefined {
  const { webhook, strategy } = spec.conversion ?? {};
  if (strategy !== "Webhook" || !webhook) return undefined;
  const { clientConfig = {}, conversionReviewVersions = [] } = webhook;
  const version = conversionReviewVersions.find((one) => reviewVersions.includes(one)) ?? "v1";
  const ask = async (objects: readonly KubeObject[], desired: string): Promise<readonly KubeObject[]> => {
    const uid = randomUUID();
    const request = { uid, desiredAPIVersion: desired, objects };
    const review = { kind: "ConversionReview", apiVersion: `apiextensions.k8s.io/${version}`, request };
    const answer = await server.webhooks.post(clientConfig as WebhookClient, review, timeoutSeconds);
    return convertedIn(answer, version, uid);
  };
  return async (objects, to) => {
    const desired = `${spec.group}/${to}`;
    const others = objects.filter(({ apiVersion }) => apiVersion !== desired);
    const [first] = others;
    if (!first) return [...objects];
    const named = `conversion webhook for ${first.apiVersion}, Kind=${first.kind}`;
    const converted = await ask(others, desired).catch((error: Error) => {
      throw internalError(`${named} failed: ${error.message}`);
    });
    if (converted.length !== others.length) {
      throw internalError(`${named} returned ${converted.length} objects, expected ${others.length}`);
    }
    const byOriginal = new Map(others.map((object, index) => [object, index]));
    return objects.map((object) => {
      const index = byOriginal.get(object);
      if (index === undefined) return object;
      try {
        return checked(converted[index] as KubeObject, object, desired);
      } catch (error) {
        throw internalError(`${named} returned invalid object at index ${index}: ${(error as Error).message}`);
      }
    });
  };
}
