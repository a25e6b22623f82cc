/** What the tests of this folder share: iptables of a network namespace, and their properties on it. */

import { spawnSync } from "node:child_process";
import { CLONE_NEWNET, unshare } from "../../../kernel/ffi.ts";
import { openIptables } from "../../../kernel/iptables/linux.ts";
import { type Iptables, tableNames } from "../../../kernel/iptables/port.ts";
import { isolate } from "../../../kernel/isolate.ts";
import { propertySuite } from "../../testing/properties.ts";
import type { DataPlane } from "../port.ts";
import { createIptablesDataPlane } from "./plane.ts";

/** Enters namespaces of the test's own; the result is why there are none, or no program. */
export function prepare(): string | false {
  const { skip } = isolate();
  const isMissing = spawnSync("iptables-restore", ["--version"]).error !== undefined;
  return skip || (isMissing && 'no program "iptables-restore" (package iptables)');
}

/** All that is in the tables, without counters and dates. */
export async function ruleset(tools: readonly Iptables[]): Promise<string> {
  const texts: string[] = [];
  for (const tool of tools) for (const table of tableNames) texts.push(await tool.save(table));
  const lines = texts.join("\n").split("\n");
  return lines
    .filter((line) => !line.startsWith("#"))
    .map((line) => line.replace(/\[\d+:\d+\]/, ""))
    .join("\n");
}

/** A data plane in a network namespace of its own, which lasts as long as it does; and the same tools for looking. */
export function open(variant: Iptables["variant"]): {
  plane: DataPlane;
  tools: readonly Iptables[];
  again: () => DataPlane;
} {
  unshare(CLONE_NEWNET);
  const tools = (["IPv4", "IPv6"] as const).map((family) => openIptables(family, variant));
  // The namespace stays the thread's until the next test: a plane made later is in it too.
  const again = () => createIptablesDataPlane({ open: (family) => openIptables(family, variant) });
  return { plane: again(), tools, again };
}

export function iptablesProperties(variant: Iptables["variant"]): void {
  const skip = prepare();
  propertySuite(
    `the iptables data plane on the kernel (${variant})`,
    () => {
      const { tools, again } = open(variant);
      return { create: again, read: () => ruleset(tools), close: () => {} };
    },
    // A sync is some processes: many changes in each.
    { perSync: 200, skip },
  );
}
