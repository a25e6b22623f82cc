/** ApiClient over HTTPS. */
import type { IncomingHttpHeaders } from "node:http";
import type { KubeObject } from "../api/object.ts";
import { apiVersionOf, pathOf, type Resource } from "../api/resource.ts";
import {
  type ApiClient,
  ApiError,
  type List,
  type ListOptions,
  type PatchOptions,
  type Reading,
  type Status,
} from "./client.ts";
import { listShape, type MessageShape, statusShape } from "./message-shape.ts";
import { readObject } from "./protobuf.ts";
import { type ClientConfig, createTransport, type Response, type TransportOptions } from "./transport.ts";
import { parseWatchLine, readLines, watchFrames } from "./watch-stream.ts";

export type { ClientConfig, TransportOptions } from "./transport.ts";

const patchTypes: Readonly<Record<PatchOptions["type"], string>> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  // Every JSON document is a YAML document.
  apply: "application/apply-patch+yaml",
};

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

function withQuery(path: string, query: Query): string {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    value === undefined || value === "" ? [] : [`${key}=${encodeURIComponent(value)}`],
  );
  return pairs.length > 0 ? `${path}?${pairs.join("&")}` : path;
}

const listQuery = ({ namespace: _, shape: _shape, ...query }: ListOptions & Reading): Query => query;

const protobufType = "application/vnd.kubernetes.protobuf";
const acceptOf = ({ shape }: Reading): string | undefined => (shape ? `${protobufType}, application/json` : undefined);
const isProtobuf = (headers: IncomingHttpHeaders): boolean =>
  headers["content-type"]?.startsWith(protobufType) ?? false;

/** The Status that an answer carries, or one made up for a body that is none (a proxy's page, say). */
function statusOf(code: number, body: Buffer, headers: IncomingHttpHeaders): Status {
  if (isProtobuf(headers)) return { code, ...(readObject(body, statusShape) as unknown as Status) };
  const text = body.toString("utf8");
  try {
    const status: unknown = JSON.parse(text);
    if (status && typeof status === "object" && "kind" in status && status.kind === "Status") {
      return { code, ...(status as Status) };
    }
  } catch {
    // No JSON: the text itself is the message.
  }
  const message = `The API server answered ${code}: ${text.slice(0, 500).trim() || "(no body)"}`;
  return { kind: "Status", status: "Failure", code, message };
}

function decode(response: Response, shape?: MessageShape): unknown {
  const { status, body, headers } = response;
  if (status >= 300) throw new ApiError(statusOf(status, body, headers));
  return shape && isProtobuf(headers) ? readObject(body, shape) : JSON.parse(body.toString("utf8"));
}

const encode = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** Items of a list come without kind and apiVersion: the list names them once. */
function named<T extends KubeObject>(resource: Resource<T>, object: T): T {
  object.kind ??= resource.kind;
  object.apiVersion ??= apiVersionOf(resource);
  return object;
}

/** A client of one API server; requests share kept-alive connections, each watch has its own. */
export function createClient(config: ClientConfig, options: TransportOptions): ApiClient {
  const transport = createTransport(config, options);
  const call = async (method: string, path: string, body?: unknown, contentType?: string) =>
    decode(await transport.request({ method, path, body: body === undefined ? undefined : encode(body), contentType }));

  return {
    async get<T extends KubeObject>(resource: Resource<T>, name: string, namespace?: string) {
      return (await call("GET", pathOf(resource, target(name, namespace)))) as T;
    },
    async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions & Reading = {}) {
      const path = withQuery(collection(resource, options), listQuery(options));
      const response = await transport.request({ method: "GET", path, accept: acceptOf(options) });
      const list = decode(response, options.shape && listShape(options.shape)) as List<T>;
      const items = list.items ?? [];
      for (const item of items) named(resource, item);
      return { ...list, items };
    },
    async create<T extends KubeObject>(
      resource: Resource<T>,
      object: T,
      { subresource, name }: { subresource?: string; name?: string } = {},
    ) {
      const path = pathOf(resource, {
        ...namespaceOf(object.metadata.namespace),
        ...(name === undefined ? {} : { name }),
        ...(subresource === undefined ? {} : { subresource }),
      });
      return (await call("POST", path, object)) as T;
    },
    async update<T extends KubeObject>(
      resource: Resource<T>,
      object: T,
      { subresource }: { subresource?: string } = {},
    ) {
      const { name, namespace } = object.metadata;
      return (await call("PUT", pathOf(resource, target(name, namespace, subresource)), object)) as T;
    },
    async patch<T extends KubeObject>(
      resource: Resource<T>,
      { name, namespace }: { name: string; namespace?: string },
      patch: unknown,
      { type, fieldManager, force, subresource, fieldValidation }: PatchOptions,
    ) {
      const query = { fieldManager, force, fieldValidation };
      const path = withQuery(pathOf(resource, target(name, namespace, subresource)), query);
      return (await call("PATCH", path, patch, patchTypes[type])) as T;
    },
    async delete(resource, { name, namespace }, options = {}) {
      const body = { kind: "DeleteOptions", apiVersion: "v1", ...options };
      await call("DELETE", pathOf(resource, target(name, namespace)), body);
    },
    async *watch<T extends KubeObject>(resource: Resource<T>, options: Parameters<ApiClient["watch"]>[1]) {
      const { signal, ...list } = options;
      const query = {
        watch: true,
        timeoutSeconds: watchTimeoutSec(),
        ...(list.sendInitialEvents ? { resourceVersionMatch: "NotOlderThan" } : {}),
        ...listQuery(list),
      };
      const end = AbortSignal.timeout((query.timeoutSeconds + watchGraceSec) * 1000);
      const path = withQuery(collection(resource, list), query);
      const silenceMs = list.allowWatchBookmarks ? maxSilenceMs : undefined;
      const request = { path, accept: acceptOf(list) };
      const body = await transport.stream(request, AbortSignal.any([signal, end]), silenceMs);
      const { statusCode: status = 0, headers } = body;
      if (status >= 300) throw new ApiError(statusOf(status, Buffer.concat(await Array.fromAsync(body)), headers));
      try {
        const read = list.shape && isProtobuf(headers) ? watchFrames<T>(list.shape) : undefined;
        if (!read) for await (const line of readLines(body)) yield [parseWatchLine<T>(line)];
        else
          for await (const chunk of body) {
            const { events, error } = read(chunk);
            yield events;
            if (error) throw error;
          }
      } catch (error) {
        if (!signal.aborted && !end.aborted) throw error;
      } finally {
        body.destroy();
      }
    },
    async raw(method, path, body) {
      const response = await transport.request({ method, path, body });
      return { status: response.status, body: response.body };
    },
  };
}

/** The server ends a watch after this time; it differs from watch to watch, so that they do not all return at once. */
const watchTimeoutSec = (): number => 300 + Math.floor(Math.random() * 300);
/** Time for the server to end the watch by itself. */
const watchGraceSec = 15;

/** Bookmarks come about once a minute: a watch that is silent for so long hangs on a dead connection. */
const maxSilenceMs = 200_000;

const namespaceOf = (namespace: string | undefined) => (namespace === undefined ? {} : { namespace });

const target = (name: string, namespace: string | undefined, subresource?: string) => ({
  name,
  ...namespaceOf(namespace),
  ...(subresource === undefined ? {} : { subresource }),
});

const collection = (resource: Resource, { namespace }: ListOptions): string => pathOf(resource, namespaceOf(namespace));
