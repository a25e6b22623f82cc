/** One API server that is killed again and again under writers and watchers; after each death its state is compared. */
import { Random } from "../fuzz/random.ts";
import { type ApiProcess, startApiProcess } from "../support/api-process.ts";
import { type Endpoint, HttpConnection, requestBytes } from "../support/http-connection.ts";
import type { SmallDisk } from "./disk.ts";
import { Model, type Stored } from "./model.ts";
import {
  type ApiObject,
  type Collection,
  collectionPath,
  collections,
  doubleAllocations,
  storedOf,
} from "./objects.ts";
import { Watcher } from "./watcher.ts";
import { Writer } from "./writer.ts";

const writerCount = 8;
const watchersOfEach = 2;
const maxRunMs = 400;
const maxWritesMs = 5000;
const settleMs = 20_000;

export interface StormResult {
  kills: number;
  /** Of those: while it started, and while its disk was full. */
  killsInStart: number;
  killsOnFullDisk: number;
  acknowledged: number;
  refused: number;
  events: number;
  relists: number;
  /** Starts that failed for want of room, and went well once there was some. */
  startsRefused: number;
  readonly faults: string[];
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function listAll(endpoint: Endpoint): Promise<Record<Collection, ApiObject[]>> {
  const connection = await HttpConnection.open(endpoint);
  const lists: Partial<Record<Collection, ApiObject[]>> = {};
  for (const collection of collections) {
    const { body } = await connection.ask(requestBytes("GET", collectionPath(collection)));
    lists[collection] = JSON.parse(body.toString()).items;
  }
  connection.close();
  return lists as Record<Collection, ApiObject[]>;
}

export class Storm {
  readonly #dir: string;
  readonly #disk: SmallDisk | undefined;
  readonly #random: Random;
  readonly #model = new Model();
  readonly #writers: readonly Writer[];
  readonly #watchers = collections.flatMap((name) => Array.from({ length: watchersOfEach }, () => new Watcher(name)));
  readonly result: StormResult = {
    ...{ kills: 0, killsInStart: 0, killsOnFullDisk: 0, acknowledged: 0, refused: 0, events: 0, relists: 0 },
    startsRefused: 0,
    faults: [],
  };

  constructor(dir: string, seed: number, disk?: SmallDisk) {
    this.#dir = dir;
    this.#disk = disk;
    this.#random = new Random(seed);
    this.#writers = Array.from(
      { length: writerCount },
      (_, id) => new Writer(seed * 100 + id, this.#model, this.result),
    );
  }

  async run(kills: number): Promise<StormResult> {
    let server = await this.#start();
    await this.#prepare(server.endpoint);
    while (this.result.kills < kills && this.result.faults.length === 0) {
      await this.#rage(server);
      if (this.#random.chance(0.15)) await this.#killInStart();
      server = await this.#start();
      await this.#compare(server.endpoint);
      await this.#checkWrites(server.endpoint);
      if (this.result.kills % 25 === 0) console.error(`${this.result.kills} kills, ${this.result.acknowledged} writes`);
    }
    await server.stop();
    for (const { events, relists } of this.#watchers) {
      this.result.events += events;
      this.result.relists += relists;
    }
    return this.result;
  }

  async #prepare(endpoint: Endpoint): Promise<void> {
    const connection = await HttpConnection.open(endpoint);
    const body = JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } });
    await connection.ask(
      requestBytes("POST", "/api/v1/namespaces", { headers: { "content-type": "application/json" }, body }),
    );
    connection.close();
    await this.#compare(endpoint);
  }

  /** The disk has room again: a full one must not be the end of all writes. */
  async #checkWrites(endpoint: Endpoint): Promise<void> {
    const connection = await HttpConnection.open(endpoint);
    const body = JSON.stringify({ metadata: { annotations: { kills: String(this.result.kills) } } });
    const headers = { "content-type": "application/merge-patch+json" };
    const answer = await connection.ask(requestBytes("PATCH", "/api/v1/namespaces/default", { headers, body }));
    connection.close();
    if (answer.status !== 200) this.result.faults.push(`nothing is written any more: ${answer.body}`);
  }

  /** Writers and watchers at work until a random moment, at which the server is killed. */
  async #rage(server: ApiProcess): Promise<void> {
    const clients = [...this.#writers, ...this.#watchers].map((client) => client.run(server.endpoint));
    const full = this.#disk !== undefined && this.#random.chance(0.5);
    await this.#writes(this.#random.int(200));
    await wait(this.#random.int(30));
    if (full) {
      this.#disk?.fill(this.#random.int(200_000));
      await wait(this.#random.int(maxRunMs));
      // Some go on with room again.
      if (this.#random.chance(0.4)) {
        this.#disk?.empty();
        await wait(this.#random.int(maxRunMs));
      } else this.result.killsOnFullDisk++;
    }
    await server.stop("SIGKILL");
    this.result.kills++;
    await Promise.all(clients);
  }

  /** Waits until so many more writes were acknowledged, but not for long. */
  async #writes(count: number): Promise<void> {
    const wanted = this.result.acknowledged + count;
    const end = Date.now() + maxWritesMs;
    while (this.result.acknowledged < wanted && Date.now() < end) await wait(1);
  }

  async #killInStart(): Promise<void> {
    const afterMs = this.#random.int(500);
    try {
      const server = await startApiProcess(this.#dir, { killAfterMs: afterMs });
      await server.stop("SIGKILL");
    } catch {
      // It was killed before it served.
    }
    this.result.kills++;
    this.result.killsInStart++;
  }

  /** A full disk may forbid the start: then it is emptied. */
  async #start(): Promise<ApiProcess> {
    if (this.#random.chance(0.5)) this.#disk?.empty();
    try {
      return await startApiProcess(this.#dir);
    } catch (error) {
      if (!this.#disk || !String(error).includes("ENOSPC")) throw error;
      this.result.startsRefused++;
      this.#disk.empty();
      return startApiProcess(this.#dir);
    } finally {
      this.#disk?.empty();
    }
  }

  /** Nobody writes now: model, server and watchers must be of one mind. */
  async #compare(endpoint: Endpoint): Promise<void> {
    const lists = await listAll(endpoint);
    const found = new Map<string, Stored>();
    for (const collection of collections) {
      for (const object of lists[collection]) found.set(`${collection}/${object.metadata.name}`, storedOf(object));
    }
    const { faults } = this.result;
    // The server's own Service is nobody's.
    found.delete("services/kubernetes");
    faults.push(...this.#model.settle(found), ...doubleAllocations(lists.services));
    const running = this.#watchers.map((watcher) => watcher.run(endpoint));
    for (const watcher of this.#watchers) {
      const own = new Map(lists[watcher.collection].map((object) => [object.metadata.name, storedOf(object)]));
      const end = Date.now() + settleMs;
      while (!watcher.agrees(own) && Date.now() < end) await wait(5);
      faults.push(...watcher.compare(own));
    }
    for (const watcher of this.#watchers) watcher.stop();
    await Promise.all(running);
  }
}
