import { createReadStream, existsSync, openSync, type ReadStream } from "node:fs";
import { loadArchive } from "../../node/images/content/archive.ts";
import { collect } from "../../node/images/content/collect.ts";
import { ContentStore, type ImageRef } from "../../node/images/content/content-store.ts";
import { ImageError } from "../../node/images/content/manifest.ts";
import { machinePlatform } from "../../node/images/loaded.ts";
import { parseImageReference } from "../../node/images/reference.ts";
import { hasOtherUsers } from "../../node/registration/machine.ts";
import type { Command } from "../command.ts";
import { dataDirOf, makeDataDir } from "../data-dir.ts";
import { CliError, errorCode, UsageError } from "../errors.ts";
import { imageUses } from "../image-use.ts";
import { parseOptions } from "../options.ts";
import { print } from "../print.ts";

const options = {
  data: { type: "string", value: "DIR", help: "data folder of the cluster (default as for up)" },
  name: {
    type: "string",
    value: "NAME",
    help: "load: name of the archive's image, when it has none or another is wanted",
  },
} as const;

/** The names that every node can run. */
const builtIn: readonly (readonly [string, string])[] = [
  ["fairlead/echo", "answers with its Pod's name over HTTP, TCP and UDP"],
  ["busybox", existsSync("/bin/busybox") ? "Debian's busybox-static" : "not on this machine: install busybox-static"],
  ["host", "runs a program of this machine"],
  ["fairlead", "fairlead itself"],
];

interface Wishes {
  readonly dataDir: string;
  readonly store: ContentStore;
  readonly name: string | undefined;
}

const sizeUnits = ["B", "kB", "MB", "GB"];

/** Decimal units, as docker shows them. */
function formatSize(bytes: number): string {
  const power = Math.min(sizeUnits.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${sizeUnits[power]}`;
}

const shortId = (digest: string): string => digest.slice("sha256:".length, "sha256:".length + 12);

function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) {
    print(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()}\n`,
    );
  }
}

async function list({ store }: Wishes): Promise<void> {
  const loaded = await store.listRefs();
  const rows = loaded.map(({ name, digest, sizeBytes }) => [name, shortId(digest), formatSize(sizeBytes), "loaded"]);
  printTable([["NAME", "ID", "SIZE", "WHAT"], ...rows, ...builtIn.map(([name, what]) => [name, "", "", what])]);
}

function openArchive(file: string): ReadStream {
  if (file === "-") return createReadStream("", { fd: 0 });
  try {
    return createReadStream(file, { fd: openSync(file, "r") });
  } catch (error) {
    throw new CliError(
      `Cannot read "${file}": ${errorCode(error) === "ENOENT" ? "there is no such file" : errorCode(error)}.`,
    );
  }
}

/** Faults of the archive: its own, the tar's or the compression's. */
function sentenceOf(error: unknown, file: string): CliError {
  const { message } = error as Error;
  const inner = error instanceof ImageError ? message : `Cannot read the archive: ${message}`;
  return new CliError(`${inner} (${file}).`);
}

async function load({ dataDir, store, name }: Wishes, files: readonly string[]): Promise<void> {
  if (files.length === 0) throw new UsageError("image load needs a FILE, or - for standard input");
  makeDataDir(dataDir);
  const keepOwners = process.getuid?.() === 0 && hasOtherUsers();
  for (const file of files) {
    const source = openArchive(file);
    const wanted = { platform: machinePlatform(), keepOwners, ...(name !== undefined && { name }) };
    const refs: readonly ImageRef[] = await loadArchive(store, source, wanted).catch((error: unknown) => {
      source.destroy();
      throw sentenceOf(error, file);
    });
    for (const ref of refs) print(`Loaded ${ref.name} (${formatSize(ref.sizeBytes)})\n`);
  }
}

/** "nginx" → "nginx:latest", as it is stored. */
function storedName(name: string): string {
  const reference = parseImageReference(name);
  if (reference?.tag) return `${reference.repository}:${reference.tag}`;
  throw new CliError(`Cannot remove "${name}": it must be NAME or NAME:TAG.`);
}

async function remove({ dataDir, store }: Wishes, names: readonly string[]): Promise<void> {
  if (names.length === 0) throw new UsageError("image rm needs a NAME");
  const uses = await imageUses(dataDir);
  for (const name of names.map(storedName)) {
    const ref = await store.findRef(name);
    if (!ref) throw new CliError(`There is no loaded image "${name}": see "fairlead image list".`);
    const user = uses.find((use) => use.name === name || (use.name.includes("@") && use.digest === ref.digest));
    if (user) throw new CliError(`Cannot remove "${name}": the Pod ${user.pod} uses it; delete the Pod first.`);
    await store.removeRef(ref);
    print(`Removed ${name}\n`);
  }
  const inUse = new Set(uses.flatMap(({ digest }) => (digest === undefined ? [] : [digest])));
  const freedBytes = await collect(store, { inUse, nowMs: Date.now() });
  if (freedBytes > 0) print(`${formatSize(freedBytes)} that no image needs are free again\n`);
}

export const command: Command = {
  usage: "list | load FILE... | rm NAME...  [--data DIR]",
  summary: "Show, load and remove the images that Pods can run",
  options,
  examples: [
    [
      "docker save app:1 | fairlead image load -",
      "from another machine's Docker, or from a file: OCI layouts in a tar too",
    ],
    [
      "fairlead image load app.tar && kubectl run app --image=app:1",
      "a Pod finds it at once, the cluster goes on running",
    ],
    ["fairlead image list", "what Pods can run without a registry"],
  ],
  async run(args) {
    const { values, positionals } = parseOptions(args, options, Number.POSITIVE_INFINITY);
    const [action = "", ...names] = positionals;
    const dataDir = dataDirOf(values.data);
    const wishes: Wishes = { dataDir, store: new ContentStore(dataDir), name: values.name };
    if (action === "list" && names.length === 0) await list(wishes);
    else if (action === "load") await load(wishes, names);
    else if (action === "rm") await remove(wishes, names);
    else throw new UsageError(`Unknown action "${action}" of image: list, load or rm`);
    return 0;
  },
};
