/** For tests: a webhook that listens on loopback with a certificate of its own. */
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { makeAuthority, makeCertificate } from "./certificates.ts";

// biome-ignore lint/suspicious/noExplicitAny: tests look into reviews of any shape
type Any = any;

export interface TestWebhook {
  readonly port: number;
  /** In base64, as configurations take it. */
  readonly caBundle: string;
  /** What was asked, by path, oldest first. */
  asked(path: string): Any[];
  /** What is answered at a path from now on; undefined: the connection is cut. */
  answer(path: string, respond: (review: Any) => unknown | Promise<unknown>): void;
  url(path: string): { url: string; caBundle: string };
  close(): Promise<void>;
}

export async function startTestWebhook(hosts: readonly string[] = ["127.0.0.1"]): Promise<TestWebhook> {
  const authority = await makeAuthority();
  const { certificate, key } = await makeCertificate(authority, { commonName: "webhook", hosts });
  const asked = new Map<string, Any[]>();
  const answers = new Map<string, (review: Any) => unknown>();
  const server = createServer({ cert: certificate, key }, async (request, response) => {
    const path = (request.url ?? "").split("?")[0] ?? "";
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const review = JSON.parse(Buffer.concat(chunks).toString());
    asked.set(path, [...(asked.get(path) ?? []), review]);
    const made = await answers.get(path)?.(review);
    if (made === undefined) return void response.destroy();
    if (typeof made === "number") return void response.writeHead(made).end();
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(made));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const caBundle = Buffer.from(authority.certificate).toString("base64");
  return {
    port,
    caBundle,
    asked: (path) => asked.get(path) ?? [],
    answer: (path, respond) => void answers.set(path, respond),
    url: (path) => ({ url: `https://127.0.0.1:${port}${path}`, caBundle }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** An AdmissionReview that says `response`. */
export const reviewed = (review: Any, response: object): object => ({
  apiVersion: "admission.k8s.io/v1",
  kind: "AdmissionReview",
  response: { uid: review.request.uid, allowed: true, ...response },
});

export const patched = (review: Any, operations: object[]): object =>
  reviewed(review, { patchType: "JSONPatch", patch: Buffer.from(JSON.stringify(operations)).toString("base64") });
