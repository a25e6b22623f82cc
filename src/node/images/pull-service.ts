/**
 * Agents live in a network without a way out: they ask over a unix socket, and who serves it pulls into the content
 * store that both see. HTTP: POST /pull with a PullRequest in JSON, answered by a PullAnswer.
 */
import { rmSync } from "node:fs";
import { createServer, request } from "node:http";
import type { Log } from "../../lib/log.ts";
import { hasOtherUsers } from "../registration/machine.ts";
import { ContentStore } from "./content/content-store.ts";
import type { RegistryMirrors } from "./content/registry-url.ts";
import { machinePlatform } from "./loaded.ts";
import type { Credential } from "./pull-secret.ts";
import { parseImageReference } from "./reference.ts";

export interface PullRequest {
  readonly name: string;
  readonly credentials: readonly Credential[];
}

export type PullAnswer =
  | { readonly kind: "pulled"; readonly sizeBytes: number }
  /** The user named no place for the image's registry. */
  | { readonly kind: "unknown-registry" }
  | { readonly kind: "failed"; readonly message: string };

const maxRequestBytes = 1 << 20;

export interface PullServiceOptions {
  readonly dataDir: string;
  readonly mirrors: RegistryMirrors;
  readonly log: Log;
}

async function pull(
  { name, credentials }: PullRequest,
  { dataDir, mirrors, log }: PullServiceOptions,
): Promise<PullAnswer> {
  const reference = parseImageReference(name);
  if (!reference) return { kind: "failed", message: `Cannot pull "${name}": it is no name of an image` };
  // Loaded with the first image that is pulled.
  const { pullImage } = await import("./content/pull.ts");
  const keepOwners = process.getuid?.() === 0 && hasOtherUsers();
  const options = { mirrors, credentials, platform: machinePlatform(), keepOwners };
  try {
    const ref = await pullImage(new ContentStore(dataDir), reference, options);
    return ref ? { kind: "pulled", sizeBytes: ref.sizeBytes } : { kind: "unknown-registry" };
  } catch (error) {
    log.warn("An image could not be pulled", { name, error });
    return { kind: "failed", message: (error as Error).message };
  }
}

async function readBody(source: AsyncIterable<Buffer>): Promise<string> {
  let body = "";
  for await (const chunk of source) {
    body += chunk;
    if (body.length > maxRequestBytes) throw new RangeError("The request is too long");
  }
  return body;
}

/** Serves until closed. Equal requests that come at the same time are one pull. */
export async function startPullService(path: string, options: PullServiceOptions): Promise<{ close(): void }> {
  rmSync(path, { force: true });
  const current = new Map<string, Promise<PullAnswer>>();
  const once = (body: string): Promise<PullAnswer> => {
    const running = current.get(body) ?? pull(JSON.parse(body) as PullRequest, options);
    current.set(body, running);
    return running.finally(() => current.delete(body));
  };
  const server = createServer((incoming, response) => {
    readBody(incoming)
      .then(once)
      .then((answer) => response.end(JSON.stringify(answer)))
      .catch((error: unknown) => {
        options.log.warn("A request to pull an image failed", { error });
        response.destroy();
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  return {
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Asks the service; without one there is no registry. */
export function askForPull(socketPath: string, wanted: PullRequest): Promise<PullAnswer> {
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException) => {
      const absent = error.code === "ENOENT" || error.code === "ECONNREFUSED";
      resolve(absent ? { kind: "unknown-registry" } : { kind: "failed", message: `Cannot pull: ${error.message}` });
    };
    const asking = request({ socketPath, method: "POST", path: "/pull", agent: false }, (response) => {
      readBody(response)
        .then((body) => resolve(JSON.parse(body) as PullAnswer))
        .catch(failed);
    });
    asking.on("error", failed);
    asking.end(JSON.stringify(wanted));
  });
}
