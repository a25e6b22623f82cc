/** All that can run containers on this machine. */
import type { Cgroups } from "../cgroups/cgroups.ts";
import { criHandler, socketOf } from "./cri/names.ts";
import type { Engine } from "./engine.ts";
import { createOciEngine } from "./oci/engine.ts";
import { findOciProgram, ociRuntimes, versionOf } from "./oci/programs.ts";
import { createProcessEngine, processHandler } from "./process-engine.ts";

export interface FoundEngines {
  readonly engines: readonly [Engine, ...Engine[]];
  readonly handlers: { readonly usual: string; readonly there: readonly string[] };
  /** Of the usual one, when it is a program of its own: "crun://1.8.1". */
  readonly version: string | undefined;
}

/** One sentence when it is no runtime, or its program is not there. */
export function runtimeProblem(name: string): string | undefined {
  if (name === processHandler || socketOf(name) !== undefined || findOciProgram(name)) return undefined;
  const all: readonly string[] = ociRuntimes;
  if (all.includes(name)) return `the program ${name} is missing: install the Debian package "${name}"`;
  return `there is no such container runtime: choose one of ${[processHandler, ...all].join(", ")}, or the socket of containerd, e.g. unix:///run/containerd/containerd.sock`;
}

/** Throws an Error when `usual` is not there. */
export function findEngines(options: {
  readonly usual: string | undefined;
  readonly directory: string;
  readonly cgroups: Cgroups | undefined;
}): FoundEngines {
  const { usual = processHandler, directory, cgroups } = options;
  const problem = runtimeProblem(usual);
  if (problem) throw new Error(`Container runtime ${usual}: ${problem}`);
  const cri = socketOf(usual) !== undefined;
  const programs = ociRuntimes.flatMap((name) => findOciProgram(name) ?? []);
  const oci = programs.map((program) => createOciEngine({ ...program, directory, cgroups }));
  const program = programs.find(({ name }) => name === usual);
  return {
    engines: [createProcessEngine(cgroups), ...oci],
    handlers: {
      usual: cri ? criHandler : usual,
      there: [processHandler, ...programs.map(({ name }) => name), ...(cri ? [criHandler] : [])],
    },
    version: program && `${program.name}://${versionOf(program)}`,
  };
}
