/** GET of what is no resource: discovery, OpenAPI, version, health, metrics. */
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList, apiVersions } from "../api/discovery.ts";
import type { Kind } from "../api/kind.ts";
import type { OpenapiDocuments } from "../api/openapi/documents.ts";
import { keySet, openidConfiguration } from "./authentication/openid.ts";
import type { ServerContext } from "./context.ts";
import { answerHealth, type HealthCheck } from "./health.ts";
import type { Metrics } from "./metrics.ts";
import type { Answer } from "./respond.ts";
import { version } from "./version.ts";

export interface StaticOptions {
  readonly metrics: Metrics;
  /** The metrics of other parts. */
  readonly more?: (() => string) | undefined;
  readonly checks: readonly HealthCheck[];
  /** What metrics asks for at the moment of a scrape, by full name. */
  readonly gauges: () => Readonly<Record<string, number>>;
}

export interface StaticRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly accept: string;
  /** The address that the client connected to, e.g. "127.0.0.1:6443". */
  readonly host: string;
}

const aggregatedType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

const wantsAggregated = (accept: string): boolean =>
  accept
    .split(",")
    .some((offer) => /g=apidiscovery\.k8s\.io/.test(offer) && /v=v2(;|$)/.test(offer.replaceAll(" ", "")));

const json = (body: unknown, contentType = "application/json"): Answer => ({
  code: 200,
  contentType,
  body: Buffer.from(`${typeof body === "string" ? body : JSON.stringify(body)}\n`),
});

const text = (code: number, body: string): Answer => ({
  code,
  contentType: "text/plain; charset=utf-8",
  body: Buffer.from(body),
});

/** Answers GETs of these paths; undefined: there is nothing at that path. */
export function createStaticPaths(
  server: Pick<ServerContext, "kinds" | "store" | "tokens">,
  { metrics, checks, gauges, more }: StaticOptions,
): (request: StaticRequest) => Promise<Answer | undefined> {
  const { store, tokens } = server;
  let openapi: Promise<OpenapiDocuments> | undefined;
  let described: readonly Kind[] = [];
  const documents = (): Promise<OpenapiDocuments> => {
    const { kinds } = server;
    if (described !== kinds) openapi = undefined;
    described = kinds;
    openapi ??= import("../api/openapi/documents.ts").then(({ openapiDocuments }) => openapiDocuments(kinds));
    return openapi;
  };
  const paths = ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz"];

  function discovery({ path, host }: StaticRequest): unknown {
    const { kinds } = server;
    const [root, group, groupVersion, ...rest] = path.split("/").filter(Boolean);
    if (rest.length > 0 || (root === "api" && groupVersion !== undefined)) return undefined;
    if (root === "api") return group === undefined ? apiVersions(host) : apiResourceList(kinds, "", group);
    if (group === undefined) return apiGroupList(kinds);
    return groupVersion === undefined ? apiGroup(kinds, group) : apiResourceList(kinds, group, groupVersion);
  }

  async function openapiV2(accept: string): Promise<Answer> {
    const document = (await documents()).v2();
    if (!accept.includes("com.github.proto-openapi.spec.v2")) return json(document);
    const { encodeOpenapi, openapiProtobufType } = await import("./protobuf/encode-openapi.ts");
    return { code: 200, contentType: openapiProtobufType, body: encodeOpenapi(document) };
  }

  async function openapiAnswer(path: string, accept: string): Promise<Answer | undefined> {
    const parts = path.split("/").filter(Boolean).slice(1);
    if (parts[0] === "v2" && parts.length === 1) return openapiV2(accept);
    const docs = await documents();
    if (parts[0] !== "v3") return undefined;
    const body = parts.length === 1 ? docs.index() : docs.v3(parts.slice(1).join("/"));
    return body === undefined ? undefined : json(body);
  }

  function openid(path: string, host: string): Answer | undefined {
    if (path === "/.well-known/openid-configuration") return json(openidConfiguration(tokens, host));
    return path === "/openid/v1/jwks" ? json(keySet(tokens), "application/jwk-set+json") : undefined;
  }

  return async (request) => {
    const { path, query, accept } = request;
    switch (path.split("/")[1]) {
      case "":
        return json({ paths: [...paths, "/version"] });
      case "version":
        return path === "/version" ? json(version) : undefined;
      case "healthz":
      case "livez":
      case "readyz": {
        const answer = answerHealth(path, checks, { verbose: query.has("verbose") });
        return answer && text(answer.code, answer.text);
      }
      case "metrics":
        return path === "/metrics"
          ? text(200, metrics.format({ fairlead_store_revision: store.revision, ...gauges() }) + (more?.() ?? ""))
          : undefined;
      case ".well-known":
      case "openid":
        return openid(path, request.host);
      case "openapi":
        return openapiAnswer(path, accept);
      case "api":
      case "apis": {
        if ((path === "/api" || path === "/apis") && wantsAggregated(accept)) {
          return json(aggregatedDiscovery(server.kinds, path === "/api" ? "core" : "named"), aggregatedType);
        }
        const body = discovery(request);
        return body === undefined ? undefined : json(body);
      }
      default:
        return undefined;
    }
  };
}
