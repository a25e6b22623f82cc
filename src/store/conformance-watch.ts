/** What every `Store` must do for watchers. */
import assert from "node:assert/strict";
import { type Case, describeEvent, encodeText, fill, keyOf, prefix, until } from "./conformance-support.ts";
import { CompactedError } from "./store.ts";

export const watching: readonly Case[] = [
  [
    "watch() delivers puts and deletes with the state before, in order",
    async (store) => {
      const seen: string[] = [];
      const r = store.revision;
      store.watch(prefix, r, (events) => seen.push(...events.map(describeEvent)));
      const first = await store.create(keyOf("a"), encodeText("a"));
      const second = await store.update(keyOf("a"), first.revision, encodeText("b"));
      await store.create("/registry/nodes/n", encodeText("n"));
      await store.delete(keyOf("a"), second.revision, encodeText("b"));
      await until(() => seen.length >= 3);
      assert.deepEqual(seen, [
        `put default/a a@${r + 1}`,
        `put default/a b@${r + 2} was a@${r + 1}`,
        `delete default/a b@${r + 4} was b@${r + 2}`,
      ]);
    },
  ],
  [
    "watch() from an older revision replays what came after it, without a gap before new events",
    async (store) => {
      await fill(store, ["a", "b"]);
      const { revision } = store;
      await fill(store, ["c", "d"]);
      const seen: number[] = [];
      store.watch(prefix, revision, (events) => seen.push(...events.map((event) => event.entry.revision)));
      await fill(store, ["e"]);
      await until(() => seen.length >= 3);
      assert.deepEqual(seen, [revision + 1, revision + 2, revision + 3]);
    },
  ],
  [
    "every watcher of a prefix sees every event once, under concurrent writes",
    async (store) => {
      const start = store.revision;
      const seen = Array.from({ length: 50 }, () => [] as number[]);
      for (const revisions of seen) {
        store.watch(prefix, start, (events) => revisions.push(...events.map((event) => event.entry.revision)));
      }
      await fill(
        store,
        Array.from({ length: 200 }, (_, i) => `p${i}`),
      );
      await until(() => seen.every((revisions) => revisions.length >= 200));
      const want = Array.from({ length: 200 }, (_, i) => start + 1 + i);
      for (const revisions of seen) assert.deepEqual(revisions, want);
    },
  ],
  [
    "an event is delivered only when readers see it, and before the writer is answered or soon after",
    async (store) => {
      let found: Promise<unknown> | undefined;
      store.watch(prefix, store.revision, (events, revision) => {
        assert.equal(revision, events.at(-1)?.entry.revision);
        found = store.get(keyOf("a"));
      });
      const entry = await store.create(keyOf("a"), encodeText("a"));
      await until(() => found !== undefined);
      assert.deepEqual(await found, entry);
    },
  ],
  [
    "close() of a watch ends it",
    async (store) => {
      const seen: string[] = [];
      const other: string[] = [];
      const watch = store.watch(prefix, store.revision, (events) => seen.push(...events.map(describeEvent)));
      store.watch(prefix, store.revision, (events) => other.push(...events.map(describeEvent)));
      await fill(store, ["a"]);
      await until(() => seen.length === 1);
      watch.close();
      watch.close();
      await fill(store, ["b"]);
      await until(() => other.length === 2);
      assert.equal(seen.length, 1);
    },
  ],
  [
    "a watch of one key, of a namespace and of everything each see their own",
    async (store) => {
      const count = new Map<string, number>();
      for (const watched of [keyOf("a"), `${prefix}default/`, "/registry/", ""]) {
        store.watch(watched, store.revision, (events) => count.set(watched, (count.get(watched) ?? 0) + events.length));
      }
      await fill(store, ["a", "b"]);
      await store.create(`${prefix}other/a`, encodeText("a"));
      await store.create("/registry/nodes/n", encodeText("n"));
      await until(() => count.get("") === 4);
      assert.deepEqual([count.get(keyOf("a")), count.get(`${prefix}default/`), count.get("/registry/")], [1, 2, 4]);
    },
  ],
  [
    "watch() from a compacted revision throws CompactedError that names the oldest",
    async (store) => {
      await fill(store, ["a", "b", "c"]);
      const oldest = store.revision - 1;
      await store.compact(oldest);
      assert.throws(
        () => store.watch(prefix, oldest - 1, () => {}),
        (error: unknown) => error instanceof CompactedError && error.oldest === oldest,
      );
      const seen: string[] = [];
      store.watch(prefix, oldest, (events) => seen.push(...events.map(describeEvent)));
      await until(() => seen.length === 1);
      assert.deepEqual(seen, [`put default/c c@${oldest + 1}`]);
    },
  ],
];
