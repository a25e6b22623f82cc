/** What every `Store` must do; run against the embedded store on disk and in memory, and later against etcd. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Case, encodeText, fill, keyOf, prefix } from "./conformance-support.ts";
import { watching } from "./conformance-watch.ts";
import { CompactedError, KeyExistsError, RevisionConflictError, type Store } from "./store.ts";

const crud: readonly Case[] = [
  [
    "create() stores the bytes made with its revision, which grows by one",
    async (store) => {
      const start = store.revision;
      const entry = await store.create(keyOf("a"), encodeText("a"));
      assert.equal(entry.revision, start + 1);
      assert.equal(String(entry.value), `a@${start + 1}`);
      assert.deepEqual(await store.get(keyOf("a")), entry);
      assert.equal(store.revision, start + 1);
    },
  ],
  [
    "an empty store has a revision above zero",
    async (store) => {
      assert.ok(store.revision > 0);
      assert.deepEqual(await store.list(prefix), {
        entries: [],
        revision: store.revision,
        continueAfter: undefined,
        remaining: 0,
      });
    },
  ],
  [
    "create() of an existing key throws KeyExistsError and changes nothing",
    async (store) => {
      const first = await store.create(keyOf("a"), encodeText("a"));
      await assert.rejects(store.create(keyOf("a"), encodeText("b")), (error: unknown) => {
        assert.ok(error instanceof KeyExistsError);
        assert.deepEqual(error.entry, first);
        return true;
      });
      assert.equal(store.revision, first.revision);
    },
  ],
  [
    "update() needs the current revision; the error carries what is there",
    async (store) => {
      const first = await store.create(keyOf("a"), encodeText("a"));
      const second = await store.update(keyOf("a"), first.revision, encodeText("b"));
      assert.equal(second.revision, first.revision + 1);
      await assert.rejects(store.update(keyOf("a"), first.revision, encodeText("c")), (error: unknown) => {
        assert.ok(error instanceof RevisionConflictError);
        assert.deepEqual(error.current, second);
        return true;
      });
      await assert.rejects(store.update(keyOf("b"), 1, encodeText("c")), RevisionConflictError);
      assert.equal(String((await store.get(keyOf("a")))?.value), `b@${second.revision}`);
    },
  ],
  [
    "delete() needs the current revision and answers with the last state at its own revision",
    async (store) => {
      const first = await store.create(keyOf("a"), encodeText("a"));
      await assert.rejects(store.delete(keyOf("a"), first.revision + 7, encodeText("x")), RevisionConflictError);
      const last = await store.delete(keyOf("a"), first.revision, encodeText("a"));
      assert.deepEqual([last.revision, String(last.value)], [first.revision + 1, `a@${first.revision + 1}`]);
      assert.equal(await store.get(keyOf("a")), undefined);
      await assert.rejects(store.delete(keyOf("a"), last.revision, encodeText("x")), RevisionConflictError);
      const again = await store.create(keyOf("a"), encodeText("n"));
      assert.equal(again.revision, last.revision + 1);
    },
  ],
  [
    "of concurrent writers of one key one wins, and the losers find its entry when they read again",
    async (store) => {
      const first = await store.create(keyOf("a"), encodeText("a"));
      const attempts = Array.from({ length: 8 }, async (_, i) => {
        try {
          return await store.update(keyOf("a"), first.revision, encodeText(`w${i}`));
        } catch (error) {
          assert.ok(error instanceof RevisionConflictError);
          assert.deepEqual(await store.get(keyOf("a")), error.current);
          return undefined;
        }
      });
      const winners = (await Promise.all(attempts)).filter((entry) => entry !== undefined);
      assert.equal(winners.length, 1);
      assert.deepEqual(await store.get(keyOf("a")), winners[0]);
      assert.equal(store.revision, first.revision + 1);
    },
  ],
  [
    "an encoder that throws changes nothing and leaves no gap in the revisions",
    async (store) => {
      const start = store.revision;
      const fail = (): Buffer => {
        throw new TypeError("no bytes");
      };
      await assert.rejects(store.create(keyOf("a"), fail), TypeError);
      assert.equal((await store.create(keyOf("a"), encodeText("a"))).revision, start + 1);
    },
  ],
  [
    "close() makes accepted writes durable and refuses later ones",
    async (store) => {
      const accepted = store.create(keyOf("a"), encodeText("a"));
      const closed = store.close();
      await assert.rejects(store.create(keyOf("b"), encodeText("b")), /the store is closed/);
      assert.ok((await accepted).revision > 1);
      await closed;
    },
  ],
];

const names = (entries: readonly { key: string }[]): string =>
  entries.map((entry) => entry.key.slice(entry.key.lastIndexOf("/") + 1)).join(" ");

const listing: readonly Case[] = [
  [
    "list() is in key order and keeps to its prefix",
    async (store) => {
      await fill(store, ["b", "a", "a-1", "c"]);
      await store.create("/registry/pods2/x", encodeText("x"));
      await store.create("/registry/pod", encodeText("x"));
      const { entries, revision } = await store.list(prefix);
      assert.equal(names(entries), "a a-1 b c");
      assert.equal(revision, store.revision);
      assert.equal((await store.list("/registry/")).entries.length, 6);
      assert.equal((await store.list(`${prefix}other/`)).entries.length, 0);
    },
  ],
  [
    "list() pages with limit and after, and says how many remain",
    async (store) => {
      await fill(store, ["a", "b", "c", "d", "e"]);
      const first = await store.list(prefix, { limit: 2 });
      assert.deepEqual([names(first.entries), first.remaining, first.continueAfter], ["a b", 3, keyOf("b")]);
      const second = await store.list(prefix, { limit: 2, after: keyOf("b") });
      assert.deepEqual([names(second.entries), second.remaining], ["c d", 1]);
      const third = await store.list(prefix, { limit: 2, after: keyOf("d") });
      assert.deepEqual([names(third.entries), third.remaining, third.continueAfter], ["e", 0, undefined]);
      assert.equal(names((await store.list(prefix, { after: keyOf("bb") })).entries), "c d e");
    },
  ],
  [
    "list() at an older revision shows the state of then, page by page",
    async (store) => {
      await fill(store, ["a", "b", "c", "d"]);
      const { revision } = store;
      const b = await store.get(keyOf("b"));
      const c = await store.get(keyOf("c"));
      await store.update(keyOf("b"), b?.revision ?? 0, encodeText("changed"));
      await store.delete(keyOf("c"), c?.revision ?? 0, encodeText("c"));
      await store.create(keyOf("bb"), encodeText("new"));
      const then = await store.list(prefix, { at: revision, limit: 2, after: keyOf("a") });
      assert.deepEqual([names(then.entries), then.remaining, then.revision], ["b c", 1, revision]);
      assert.deepEqual(then.entries, [b, c]);
      assert.equal(names((await store.list(prefix)).entries), "a b bb d");
    },
  ],
  [
    "list() refuses a revision of the future and a forgotten one",
    async (store) => {
      await fill(store, ["a", "b", "c"]);
      await assert.rejects(store.list(prefix, { at: store.revision + 1 }), RangeError);
      await store.compact(store.revision - 1);
      await assert.rejects(store.list(prefix, { at: store.revision - 2 }), CompactedError);
      assert.equal((await store.list(prefix, { at: store.revision - 1 })).entries.length, 2);
    },
  ],
];

/** Registers the suite; `open` gives an empty store, `end` is called with it after each case. */
export function testStore(name: string, open: () => Promise<Store>, end: (store: Store) => Promise<void>): void {
  describe(name, () => {
    for (const [title, run] of [...crud, ...listing, ...watching]) {
      test(title, async () => {
        const store = await open();
        try {
          await run(store);
        } finally {
          await end(store);
        }
      });
    }
  });
}
