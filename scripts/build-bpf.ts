/**
 * Compiles src/kernel/bpf/programs/*.bpf.c with clang into *.object.gen.ts beside them: the object as base64, so that the bundle
 * carries it and users need no compiler. Run it after a change of the C sources (Debian: apt-get install clang llvm linux-libc-dev).
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const folder = join(import.meta.dirname, "..", "src", "kernel", "bpf", "programs");
const flags = ["-O2", "-g0", "-Wall", "-Werror", "-Wno-unused-variable", "-target", "bpfel", "-mcpu=v3"];
/** Debian keeps asm/types.h in a folder for each architecture. */
const includes = globSync("/usr/include/*-linux-gnu").map((path) => `-I${path}`);

export interface BuiltObject {
  /** SHA-256 of the C sources that it is made of. */
  readonly source: string;
  /** e.g. "14.0.6": another compiler makes other instructions. */
  readonly compiler: string;
  readonly object: string;
}

export const bpfSources = (): string[] => globSync("*.bpf.c", { cwd: folder }).sort();

export function sourceHash(): string {
  const hash = createHash("sha256");
  for (const file of globSync("*.{c,h}", { cwd: folder }).sort()) hash.update(readFileSync(join(folder, file)));
  return hash.digest("hex");
}

/** Undefined where there is no clang. */
export function compilerVersion(): string | undefined {
  try {
    return /version (\d+\.\d+\.\d+)/.exec(execFileSync("clang", ["--version"], { encoding: "utf8" }))?.[1];
  } catch {
    return undefined;
  }
}

export function compile(source: string): Buffer {
  const temporary = mkdtempSync(join(tmpdir(), "fairlead-bpf-"));
  try {
    const output = join(temporary, "object.o");
    execFileSync("clang", [...flags, ...includes, "-c", source, "-o", output], { cwd: folder, stdio: "inherit" });
    execFileSync("llvm-strip", ["--strip-debug", output], { stdio: "inherit" });
    return readFileSync(output);
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

function build(source: string, compiler: string): void {
  const name = basename(source, ".bpf.c");
  const object = compile(source);
  const text = [
    `// Made by scripts/build-bpf.ts from ${source}; do not edit.`,
    `export const ${name}Object = {`,
    `  source: "${sourceHash()}",`,
    `  compiler: "${compiler}",`,
    `  object:\n    "${object.toString("base64")}",`,
    "} as const;",
  ];
  writeFileSync(join(folder, `${name}.object.gen.ts`), `${text.join("\n")}\n`);
  console.log(`${source}: ${object.length} bytes`);
}

if (import.meta.main) {
  const compiler = compilerVersion();
  if (!compiler)
    throw new Error("Cannot build the eBPF programs: clang is missing (apt-get install clang llvm linux-libc-dev)");
  for (const source of bpfSources()) build(source, compiler);
}
