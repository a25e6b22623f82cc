/** A client that follows a collection through all deaths of the server, from the last revision that it saw. */
import { type Endpoint, HttpConnection, requestBytes } from "../support/http-connection.ts";
import type { Stored } from "./model.ts";
import { type ApiObject, type Collection, collectionPath, storedOf } from "./objects.ts";

interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: ApiObject & { readonly code?: number };
}

export class Watcher {
  readonly collection: Collection;
  readonly faults: string[] = [];
  events = 0;
  /** How often it had to list anew, since the server's history did not reach back (410). */
  relists = 0;
  readonly #state = new Map<string, Stored>();
  #revision: number | undefined;
  #connection: HttpConnection | undefined;
  #stopped = false;

  constructor(collection: Collection) {
    this.collection = collection;
  }

  /** Follows until the connection ends. */
  async run(endpoint: Endpoint): Promise<void> {
    this.#stopped = false;
    try {
      this.#connection = await HttpConnection.open(endpoint);
      if (this.#revision === undefined) await this.#list();
      if (!this.#stopped) await this.#follow();
    } catch {
      // The server was killed.
    } finally {
      this.#connection?.close();
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#connection?.close();
  }

  /** Has it seen all up to `revision` of these objects, and nothing else? */
  compare(found: ReadonlyMap<string, Stored>): string[] {
    const faults = this.faults.splice(0);
    for (const [name, stored] of found) {
      if (this.#state.get(name)?.revision !== stored.revision) {
        faults.push(
          `a watcher of ${this.collection} has ${name} at ${this.#state.get(name)?.revision}, it is at ${stored.revision}`,
        );
      }
    }
    for (const name of this.#state.keys())
      if (!found.has(name)) faults.push(`a watcher of ${this.collection} has ${name}, which is gone`);
    return faults;
  }

  /** Does its state agree with these? It may be on its way. */
  agrees(found: ReadonlyMap<string, Stored>): boolean {
    return (
      this.#state.size === found.size &&
      [...found].every(([name, { revision }]) => this.#state.get(name)?.revision === revision)
    );
  }

  async #list(): Promise<void> {
    const answer = await this.#connection?.ask(requestBytes("GET", collectionPath(this.collection)));
    const list = JSON.parse(String(answer?.body)) as { metadata: { resourceVersion: string }; items: ApiObject[] };
    this.#state.clear();
    for (const item of list.items) this.#state.set(item.metadata.name, storedOf(item));
    this.#revision = Number(list.metadata.resourceVersion);
  }

  async #follow(): Promise<void> {
    const path = `${collectionPath(this.collection)}?watch=true&allowWatchBookmarks=true&resourceVersion=${this.#revision}`;
    let rest = "";
    const onData = (chunk: Buffer): void => {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line) this.#take(JSON.parse(line) as WatchEvent);
    };
    await this.#connection?.ask(requestBytes("GET", path), { onData });
  }

  #take({ type, object }: WatchEvent): void {
    if (type === "ERROR") {
      if (object.code !== 410) this.faults.push(`a watch of ${this.collection} ended with ${JSON.stringify(object)}`);
      this.relists++;
      this.#revision = undefined;
      return;
    }
    const { name } = object.metadata;
    const stored = storedOf(object);
    const last = this.#revision ?? 0;
    if (stored.revision <= last && type !== "BOOKMARK") {
      this.faults.push(
        `a watcher of ${this.collection} at revision ${last} got ${type} of ${name} at ${stored.revision}`,
      );
    }
    this.#revision = Math.max(last, stored.revision);
    if (type === "BOOKMARK") return;
    this.events++;
    const had = this.#state.has(name);
    if (had !== (type !== "ADDED"))
      this.faults.push(`${type} of ${name}, which the watcher ${had ? "knew" : "did not know"}`);
    if (type === "DELETED") this.#state.delete(name);
    else this.#state.set(name, stored);
  }
}
