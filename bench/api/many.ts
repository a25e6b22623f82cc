/** A server with 50,000 objects: what each costs in memory, and how soon it answers after it was killed. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createLog } from "../../src/lib/log.ts";
import { open } from "../../src/store/open-store.ts";
import { HttpConnection } from "../../test/support/http-connection.ts";
import { ask, request } from "./load.ts";
import { startFairlead } from "./subject.ts";

const objects = 50_000;

/** ConfigMaps as the server stores them, put there while it does not run. Returns the bytes of all. */
async function plant(dir: string): Promise<number> {
  mkdirSync(dir, { recursive: true });
  const store = await open(join(dir, "store"), { log: createLog(undefined, { level: "error" }) });
  let bytes = 0;
  const put = async (index: number): Promise<void> => {
    const name = `many-${index}`;
    const metadata = { name, namespace: "default", uid: `00000000-0000-0000-0000-${String(index).padStart(12, "0")}` };
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata, data: { text: "x".repeat(500) } };
    const entry = await store.create(`/registry/core/configmaps/default/${name}`, (revision) =>
      Buffer.from(JSON.stringify({ ...object, metadata: { ...metadata, resourceVersion: String(revision) } })),
    );
    bytes += entry.value.length;
  };
  for (let at = 0; at < objects; at += 1000) {
    await Promise.all(Array.from({ length: 1000 }, (_, index) => put(at + index)));
  }
  await store.close();
  return bytes;
}

export async function measureMany(dir: string): Promise<{ bytesOver: number; firstAnswerMs: number }> {
  const empty = await startFairlead(join(dir, "empty"));
  const emptyBytes = empty.rssBytes();
  await empty.stop();
  const data = join(dir, "full");
  const jsonBytes = await plant(data);
  const first = await startFairlead(data);
  await first.stop();
  const begun = performance.now();
  const again = await startFairlead(data);
  const connection = await HttpConnection.open(again.endpoint);
  await ask(connection, request(again.endpoint, "GET", "/api/v1/namespaces/default/configmaps/many-4711"));
  const firstAnswerMs = performance.now() - begun;
  connection.close();
  const bytesOver = (again.rssBytes() - emptyBytes - jsonBytes) / objects;
  await again.stop();
  return { bytesOver, firstAnswerMs };
}
