/** What the cases of the conformance suite share. */
import assert from "node:assert/strict";
import type { Encode, Store, WatchEvent } from "./store.ts";

export const prefix = "/registry/pods/";
export const keyOf = (name: string): string => `${prefix}default/${name}`;
export const encodeText =
  (text: string): Encode =>
  (revision) =>
    Buffer.from(`${text}@${revision}`);

/** "put a a@2", "put a a@3 was a@2", "delete a a@4 was a@3": events as the cases below state them. */
export function describeEvent(event: WatchEvent): string {
  const previous = event.previous ? ` was ${event.previous.value}` : "";
  return `${event.type} ${event.entry.key.slice(prefix.length)} ${event.entry.value}${previous}`;
}

export async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 5000;
  while (!condition() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.ok(condition(), "not within 5 s");
}

export type Case = readonly [title: string, run: (store: Store) => Promise<void>];

export async function fill(store: Store, names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => store.create(keyOf(name), encodeText(name))));
}
