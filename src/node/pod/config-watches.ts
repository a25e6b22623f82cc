/** Follows the ConfigMaps and Secrets that Pods of this node refer to: one watch for each object, shared by all Pods. */
import type { ConfigMap, KubeObject, Secret } from "../../api/object.ts";
import { configMaps, type Resource, secrets } from "../../api/resource.ts";
import type { ApiClient, Informer } from "../../client/client.ts";
import { createInformer } from "../../client/informer.ts";
import type { Log } from "../../lib/log.ts";
import type { ConfigSource } from "../environment/environment.ts";
import type { ConfigReferences } from "./api-objects.ts";

interface Watch {
  readonly informer: Informer<KubeObject>;
  readonly stop: AbortController;
  users: number;
}

export interface Following {
  /** As the watches know them; only what they were asked to follow. */
  readonly source: ConfigSource;
  /** Resolves when all are known. */
  readonly synced: Promise<unknown>;
  close(): void;
}

export class ConfigWatches {
  readonly #watches = new Map<string, Watch>();
  readonly #options: { client: ApiClient; log: Log; signal: AbortSignal };

  constructor(options: { client: ApiClient; log: Log; signal: AbortSignal }) {
    this.#options = options;
  }

  /** Calls `listener` after each change; an object that is deleted is none. */
  follow(references: ConfigReferences, namespace: string, listener: () => void): Following {
    const keys = [
      ...[...new Set(references.configMaps)].map((name) => this.#take(configMaps, name, namespace)),
      ...[...new Set(references.secrets)].map((name) => this.#take(secrets, name, namespace)),
    ];
    const watches = keys.flatMap((key) => this.#watches.get(key) ?? []);
    const ends = watches.map(({ informer }) =>
      informer.onChange(({ type }) => {
        if (type !== "deleted") listener();
      }),
    );
    const get = <T>(resource: Resource<KubeObject>, name: string): T | undefined =>
      this.#watches.get(keyOf(resource, name, namespace))?.informer.get(`${namespace}/${name}`) as T | undefined;
    return {
      source: {
        configMap: (name) => get<ConfigMap>(configMaps, name),
        secret: (name) => get<Secret>(secrets, name),
      },
      synced: Promise.all(watches.map(({ informer }) => informer.synced)),
      close: () => {
        for (const end of ends) end();
        for (const key of keys.splice(0)) this.#leave(key);
      },
    };
  }

  #take(resource: Resource<KubeObject>, name: string, namespace: string): string {
    const key = keyOf(resource, name, namespace);
    const present = this.#watches.get(key);
    if (present) present.users++;
    else {
      const { client, log, signal } = this.#options;
      const stop = new AbortController();
      const informer = createInformer<KubeObject>(client, resource, {
        ...{ log, namespace, fieldSelector: `metadata.name=${name}` },
        signal: AbortSignal.any([signal, stop.signal]),
      });
      this.#watches.set(key, { informer, stop, users: 1 });
    }
    return key;
  }

  #leave(key: string): void {
    const watch = this.#watches.get(key);
    if (!watch || --watch.users > 0) return;
    watch.stop.abort();
    this.#watches.delete(key);
  }
}

const keyOf = ({ plural }: Resource<KubeObject>, name: string, namespace: string): string =>
  `${plural}/${namespace}/${name}`;
