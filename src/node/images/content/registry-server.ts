/** The content store as a registry that can only be read, for a container runtime that has a store of its own. Source: OCI distribution-spec v1.1. */
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ContentStore } from "./content-store.ts";

const manifestPath = /^\/v2\/.+\/manifests\/(sha256:[0-9a-f]{64})$/;
const blobPath = /^\/v2\/.+\/blobs\/(sha256:[0-9a-f]{64})$/;
const usualType = "application/vnd.oci.image.manifest.v1+json";

async function manifest(store: ContentStore, digest: string, response: ServerResponse): Promise<void> {
  const body = await readFile(store.blob(digest));
  const { mediaType = usualType } = JSON.parse(body.toString()) as { mediaType?: string };
  const headers = { "content-type": mediaType, "content-length": body.length, "docker-content-digest": digest };
  response.writeHead(200, headers).end(response.req.method === "HEAD" ? undefined : body);
}

async function blob(store: ContentStore, digest: string, response: ServerResponse): Promise<void> {
  const { size } = await stat(store.blob(digest));
  const headers = { "content-type": "application/octet-stream", "content-length": size };
  response.writeHead(200, { ...headers, "docker-content-digest": digest });
  if (response.req.method === "HEAD") response.end();
  else
    createReadStream(store.blob(digest))
      .on("error", () => response.destroy())
      .pipe(response);
}

async function answer(store: ContentStore, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  const [, ofManifest] = manifestPath.exec(pathname) ?? [];
  const [, ofBlob] = blobPath.exec(pathname) ?? [];
  if (request.method !== "GET" && request.method !== "HEAD") response.writeHead(405).end();
  else if (pathname === "/v2/") response.writeHead(200).end();
  else if (ofManifest) await manifest(store, ofManifest, response);
  else if (ofBlob) await blob(store, ofBlob, response);
  else response.writeHead(404).end();
}

/** On 127.0.0.1 of this process's network namespace; images are asked for by their digests. */
export async function serveRegistry(dataDir: string): Promise<{ readonly port: number; close(): void }> {
  const store = new ContentStore(dataDir);
  const server = createServer((request, response) => {
    answer(store, request, response).catch(() => {
      if (response.headersSent) response.destroy();
      else response.writeHead(404).end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
