/** The sh program that makes a container's surroundings from inside its new namespaces and becomes its command (pure). */
import { basename, dirname } from "node:path";
import type { ContainerSpec } from "./container-runtime.ts";
import { enterCommand } from "./enter.ts";
import { type MountStep, type SetupBatch, type SingleStep, setupBatches } from "./setup-batches.ts";
import type { SetupStep } from "./setup-step.ts";

/** A word of sh that stands for exactly `text`. */
export function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Escapes of fstab(5). */
function fstabField(text: string): string {
  return text.replace(/[\s\\#]/g, (character) => `\\${(character.codePointAt(0) ?? 0).toString(8).padStart(3, "0")}`);
}

/** One `mount` process for all (a process a mount would cost a millisecond each); it reads its table from a regular file only. */
function mountCommand(steps: readonly MountStep[], table: string): string {
  const lines = steps.map(({ source, target, type, options }) =>
    quote([fstabField(source), fstabField(target), type, options, "0", "0"].join(" ")),
  );
  return `printf '%s\\n' ${lines.join(" ")} >${quote(table)}\nmount -a -T ${quote(table)}`;
}

/** Several links in one directory that are named as what they lead to, such as "bin" to "usr/bin", are one command. */
function linkCommands(links: readonly { readonly target: string; readonly path: string }[]): string[] {
  const alike = ({ target, path }: (typeof links)[number]) => basename(target) === basename(path);
  const byDirectory = Map.groupBy(links.filter(alike), ({ path }) => dirname(path));
  return [
    ...[...byDirectory].map(([directory, group]) =>
      ["ln -s --", ...group.map(({ target }) => quote(target)), quote(`${directory}/`)].join(" "),
    ),
    ...links.filter((link) => !alike(link)).map(({ target, path }) => `ln -s -- ${quote(target)} ${quote(path)}`),
  ];
}

function singleCommand(step: SingleStep): string {
  if (step.kind === "read-only") return `mount -o remount,bind,ro ${quote(step.path)}`;
  return `cp -a ${quote(`${step.from}/.`)} ${quote(step.to)}`;
}

function batchCommands(batch: SetupBatch, table: string): string[] {
  if ("single" in batch) return [singleCommand(batch.single)];
  const { directories, files, links, mounts } = batch;
  return [
    ...(directories.length > 0 ? [["mkdir -p", ...directories.map(quote)].join(" ")] : []),
    ...files.map((path) => `[ -e ${quote(path)} ] || : >${quote(path)}`),
    ...linkCommands(links),
    ...(mounts.length > 0 ? [mountCommand(mounts, table)] : []),
  ];
}

/** Makes a root, for one that only wants that. */
export function renderRootScript(steps: readonly SetupStep[], directory: string): string {
  const error = `exec >/dev/null 2>${quote(`${directory}/setup-error`)}`;
  const commands = setupBatches(steps).flatMap((batch) => batchCommands(batch, `${directory}/mounts`));
  return `${["set -e", error, ...commands].join("\n")}\n`;
}

/** 128 + SIGKILL. */
const sigkillExitCode = 137;

export interface SetupPaths {
  /** Of the container: `setup-error`, `mounts` and `process` are written there. */
  readonly directory: string;
  /** Written when the next step is the command itself. */
  readonly startedFile: string;
  /** Where the new root was made; absent for the machine's. */
  readonly root: string | undefined;
  readonly cgroups?: readonly string[] | undefined;
}

/**
 * The first process of the container's pid namespace runs this. `process` gets its /proc/<pid>/stat line as the agent
 * sees it (the old /proc is still mounted when it is read); messages of failing steps go to `setup-error`. Descriptor 6 is the container's stderr.
 */
export function renderSetupScript(spec: ContainerSpec, steps: readonly SetupStep[], paths: SetupPaths): string {
  return `${[
    "set -e",
    `exec 2>${quote(`${paths.directory}/setup-error`)}`,
    "read -r stat </proc/self/stat",
    // Of no use once it has ended, unless others live on that it has left behind.
    ...(spec.pidNamespace ? [`readlink /proc/self/ns/mnt >${quote(`${paths.directory}/mount-namespace`)}`] : []),
    // The file spares a process; it may be written only by the machine's root.
    `echo ${quote(spec.hostname)} 2>/dev/null >/proc/sys/kernel/hostname || hostname ${quote(spec.hostname)}`,
    ...setupBatches(steps).flatMap((batch) => batchCommands(batch, `${paths.directory}/mounts`)),
    `echo "$stat" >${quote(`${paths.directory}/process`)}`,
    `: >${quote(paths.startedFile)}`,
    "exec 2>&6 6>&-",
    ["exec", ...enterCommand({ ...spec, ...paths }, { ...paths, env: spec.env }), ...spec.argv].map(quote).join(" "),
  ].join("\n")}\n`;
}

export interface ShimOptions {
  readonly exitedFile: string;
  readonly input?: ContainerSpec["input"] | undefined;
  readonly tty?: boolean | undefined;
  /** The number of a process whose pid namespace is entered; "node": there is no new one. */
  readonly joinPid?: number | "node" | undefined;
}

function isolation(join: ShimOptions["joinPid"]): string {
  const unshare = "unshare --mount --uts --fork --kill-child";
  if (join === undefined) return `${unshare} --pid`;
  return join === "node" ? unshare : `nsenter --pid=/proc/${join}/ns/pid ${unshare}`;
}

/** The named pipes that are there before a shim is, in its working directory. */
export function fifosOf({ input, tty }: Pick<ShimOptions, "input" | "tty">): readonly string[] {
  return tty ? ["control"] : ["stdout", "stderr", "control", ...(input ? ["stdin", "input"] : [])];
}

/** Opens what a shim holds: 3 and 4 are the FIFOs of the output, 5 is `control`, 9 the container's stdin. */
function openStreams({ input, tty }: Pick<ShimOptions, "input" | "tty">): string[] {
  if (tty) return ["exec 5<>control"];
  if (!input) return ["exec 3<>stdout 4<>stderr 5<>control"];
  return [
    "exec 3<>stdout 4<>stderr 5<>control 7<>stdin 8<>input",
    // A process beside the shim holds stdin open until a line comes into `input`.
    "( exec 3>&- 4>&- 5>&-; read -r _ <&8 ) &",
    "holder=$!",
    "exec 9<stdin 7>&-",
  ];
}

/**
 * With a terminal descriptor 3 is its showing side; "$1" is that of the container, which nobody else must hold.
 * It is opened by a child: the shim leads a session, whose controlling terminal it would become.
 */
function runInStreams(run: string, { input, tty }: Pick<ShimOptions, "input" | "tty">): string[] {
  if (tty)
    return [`( exec ${run} /usr/bin/setsid --ctty sh setup.sh <>"$1" >&0 6>&0 2>unshare-error 3>&- 5>&- )`, "code=$?"];
  const output = "sh setup.sh >stdout 6>stderr 2>unshare-error 3>&- 4>&- 5>&-";
  if (!input) return [`${run} ${output} </dev/null`, "code=$?"];
  return [`${run} ${output} <&9 8>&- 9>&-`, "code=$?", "kill $holder 2>/dev/null"];
}

const begin = ["read -r stat </proc/self/stat", 'echo "$stat" >shim'];

/**
 * The sh program that stays beside a container and outlives the agent. It keeps the FIFOs of stdout and stderr open (or
 * the terminal), so that the container gets no SIGPIPE and nothing it wrote is lost while no agent reads; it writes the
 * exit code; and it waits until an agent has read all and writes a line into `control`.
 */
export function renderShimScript({ exitedFile, input, tty, joinPid }: ShimOptions): string {
  return `${[
    ...begin,
    ...openStreams({ input, tty }),
    ...runInStreams(isolation(joinPid), { input, tty }),
    // Up to util-linux 2.38 at least, unshare stumbles over a child that ended by SIGKILL and only says so.
    `[ $code != 1 ] || ! grep -q sigprocmask unshare-error || code=${sigkillExitCode}`,
    `echo $code >${quote(exitedFile)}`,
    "read -r _ <&5",
  ].join("\n")}\n`;
}

/** Does the first half of the same, and becomes a command that does the other, in a mount namespace of its own; it is told the holder of stdin. */
export function renderShimStart(
  { command, rest }: { readonly command: readonly string[]; readonly rest: readonly string[] },
  { input, tty }: Pick<ShimOptions, "input" | "tty">,
): string {
  const streams = tty
    ? "</dev/null >/dev/null 2>&1"
    : input
      ? "<&9 >stdout 2>stderr 8>&- 9>&-"
      : "</dev/null >stdout 2>stderr";
  const words = [...command.map(quote), ...(input && !tty ? ["holder=$holder"] : []), "--", ...rest.map(quote)];
  return `${[...begin, ...openStreams({ input, tty }), `exec unshare --mount ${words.join(" ")} ${streams}`].join("\n")}\n`;
}
