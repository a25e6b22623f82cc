/** The rooms and the arrows between them: who may import whom, each with its reason. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";

const src = join(import.meta.dirname, "..", "src");

/** Room → rooms that it may import. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  net: [],
  // Facts about kinds: pure.
  api: ["lib", "net"],
  store: ["lib"],
  client: ["lib", "net", "api"],
  apiserver: ["lib", "net", "api", "store"],
  controllers: ["lib", "net", "api", "client"],
  // These three apply, announce or sandbox: they touch the kernel.
  node: ["lib", "net", "api", "client", "kernel"],
  proxy: ["lib", "net", "api", "client", "kernel"],
  lb: ["lib", "net", "api", "client", "kernel"],
  dns: ["lib", "net", "api", "client", "kernel"],
  kernel: ["lib", "net"],
  // Wires the parts together.
  cli: ["lib", "net", "api", "store", "client", "apiserver", "controllers", "node", "proxy", "dns", "lb", "kernel"],
};

/** Only these files know what stands after the colon. */
const only: readonly { readonly specifier: RegExp; readonly files: RegExp; readonly why: string }[] = [
  { specifier: /^koffi$/, files: /^kernel\/ffi\.ts$/, why: "one file knows the foreign function interface" },
  { specifier: /kernel\/(?!datagrams)/, files: /^(?!dns\/)/, why: "DNS asks the kernel for batches of datagrams only" },
  { specifier: /^@peculiar\/x509$/, files: /^apiserver\/certificates\.ts$/, why: "loaded only to make certificates" },
];

interface Import {
  readonly from: string;
  readonly specifier: string;
  readonly line: string;
}

const files = globSync("**/*.ts", { cwd: src }).sort();
const isTest = (file: string): boolean => /\.(test|child)\.ts$|conformance\.ts$|\/testing\//.test(file);

function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), "utf8");
  const found = text.matchAll(/^\s*(?:import|export)\b[^;"']*?["']([^"']+)["']|\bimport\(["']([^"']+)["']\)/gm);
  return [...found].map((match) => ({ from: file, specifier: match[1] ?? match[2] ?? "", line: match[0].trim() }));
}

const roomOf = (path: string): string => path.split("/")[0] ?? "";
const target = ({ from, specifier }: Import): string => relative(src, join(src, dirname(from), specifier));

test("every room is in the table of arrows", () => {
  const rooms = new Set(files.map(roomOf));
  assert.deepEqual(
    [...rooms].filter((room) => !(room in arrows)),
    [],
  );
});

test("imports follow the arrows", () => {
  const wrong = files
    .filter((file) => !isTest(file))
    .flatMap(importsOf)
    .filter((one) => one.specifier.startsWith(".") && !one.specifier.endsWith("/package.json"))
    .filter((one) => {
      const [from, to] = [roomOf(one.from), roomOf(target(one))];
      return from !== to && !arrows[from]?.includes(to);
    });
  assert.deepEqual(
    wrong.map(({ from, specifier }) => `${from} imports ${specifier}`),
    [],
  );
});

test("some packages are known to few files", () => {
  const wrong = files
    .filter((file) => !isTest(file))
    .flatMap(importsOf)
    .flatMap((one) =>
      only
        .filter(({ specifier, files: allowed }) => specifier.test(one.specifier) && !allowed.test(one.from))
        .map(({ why }) => `${one.from} imports ${one.specifier}: ${why}`),
    );
  assert.deepEqual(wrong, []);
});

test("packages are not loaded late by their own name: in the bundle they would have a default export only", () => {
  const wrong = files
    .filter((file) => !isTest(file))
    .flatMap(importsOf)
    .filter(({ line, specifier }) => line.startsWith("import(") && !/^(\.|node:)/.test(specifier));
  assert.deepEqual(
    wrong.map(({ from, specifier }) => `${from} loads ${specifier}`),
    [],
  );
});

test("no cycles between files", () => {
  const graph = new Map(
    files.map((file) => [
      file,
      importsOf(file)
        .filter((one) => one.specifier.startsWith(".") && !/^(import|export) type/.test(one.line))
        .map(target),
    ]),
  );
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) cycles.push([...path.slice(at), file].join(" → "));
    if (at >= 0 || done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  assert.deepEqual(cycles, []);
});

test("every room has a README", () => {
  const rooms = [...new Set(files.map(roomOf))];
  const without = rooms.filter((room) => globSync(`${room}/README.md`, { cwd: src }).length === 0);
  assert.deepEqual(without, []);
});
