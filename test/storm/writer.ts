/** A client that writes its own few objects until the server is gone. */
import { Random } from "../fuzz/random.ts";
import { type Answer, type Endpoint, HttpConnection, requestBytes } from "../support/http-connection.ts";
import type { Model, Outcome } from "./model.ts";
import { type ApiObject, type Collection, collectionPath, collections, makeObject, storedOf } from "./objects.ts";

const objectsOfWriter = 4;

export interface WriteCounts {
  acknowledged: number;
  /** Answers with an error: the write must not have been done. */
  refused: number;
}

export class Writer {
  readonly #id: string;
  readonly #model: Model;
  readonly #random: Random;
  readonly #counts: WriteCounts;
  #step = 0;

  constructor(id: number, model: Model, counts: WriteCounts) {
    this.#id = `w${id}`;
    this.#model = model;
    this.#counts = counts;
    this.#random = new Random(id * 7919 + 1);
  }

  /** Ends when the connection does. */
  async run(endpoint: Endpoint): Promise<void> {
    const connection = await HttpConnection.open(endpoint).catch(() => undefined);
    if (!connection) return;
    try {
      for (;;) await this.#write(connection);
    } catch {
      connection.close();
    }
  }

  async #write(connection: HttpConnection): Promise<void> {
    const collection = this.#random.pick(collections);
    const name = `${this.#id}-${this.#random.int(objectsOfWriter)}`;
    const key = `${collection}/${name}`;
    const known = this.#model.get(key);
    const mark = `${this.#id}.${++this.#step}`;
    const deletes = known !== undefined && this.#random.chance(0.3);
    this.#model.begin(key, deletes ? "gone" : { mark });
    const answer = await connection.ask(this.#request(collection, name, mark, known && (deletes ? "DELETE" : "PUT")));
    this.#note(key, deletes ? "gone" : { mark }, answer);
  }

  #request(collection: Collection, name: string, mark: string, change: "PUT" | "DELETE" | undefined): Buffer {
    const path = collectionPath(collection);
    if (change === "DELETE") return requestBytes("DELETE", `${path}/${name}`);
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify(makeObject(this.#random, collection, name, mark));
    return change
      ? requestBytes("PUT", `${path}/${name}`, { headers, body })
      : requestBytes("POST", path, { headers, body });
  }

  #note(key: string, outcome: Outcome, { status, body }: Answer): void {
    if (status >= 400) {
      this.#counts.refused++;
      this.#model.refuse(key);
      return;
    }
    this.#counts.acknowledged++;
    this.#model.acknowledge(key, outcome === "gone" ? undefined : storedOf(JSON.parse(body.toString()) as ApiObject));
  }
}
