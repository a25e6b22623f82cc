/** The sh program that makes a container's surroundings from inside its new namespaces and becomes its command (pure). */
import type { ContainerSpec } from "./container-runtime.ts";
import type { SetupStep } from "./root-plan.ts";

/** A word of sh that stands for exactly `text`. */
export function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Escapes of fstab(5). */
function fstabField(text: string): string {
  return text.replace(/[\s\\#]/g, (character) => `\\${(character.codePointAt(0) ?? 0).toString(8).padStart(3, "0")}`);
}

type MountStep = Extract<SetupStep, { kind: "mount" }>;

/** One `mount` process for all (a process a mount would cost a millisecond each); it reads its table from a regular file only. */
function mountCommand(steps: readonly MountStep[], table: string): string {
  const lines = steps.map(({ source, target, type, options }) =>
    quote([fstabField(source), fstabField(target), type, options, "0", "0"].join(" ")),
  );
  return `printf '%s\\n' ${lines.join(" ")} >${quote(table)}\nmount -a -T ${quote(table)}`;
}

function stepCommand(step: Exclude<SetupStep, MountStep>): string {
  switch (step.kind) {
    case "directories":
      return ["mkdir -p", ...step.paths.map(quote)].join(" ");
    case "file":
      return `[ -e ${quote(step.path)} ] || : >${quote(step.path)}`;
    case "symlink":
      return `ln -s ${quote(step.target)} ${quote(step.path)}`;
    case "copy":
      return `cp -a ${quote(`${step.from}/.`)} ${quote(step.to)}`;
  }
}

function renderSteps(steps: readonly SetupStep[], table: string): string[] {
  const lines: string[] = [];
  let mounts: MountStep[] = [];
  const flush = () => {
    if (mounts.length > 0) lines.push(mountCommand(mounts, table));
    mounts = [];
  };
  for (const step of steps) {
    if (step.kind === "mount") {
      mounts.push(step);
    } else {
      flush();
      lines.push(stepCommand(step));
    }
  }
  flush();
  return lines;
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
}

/**
 * The first process of the container's pid namespace runs this. `process` gets its /proc/<pid>/stat line as the agent
 * sees it (the old /proc is still mounted when it is read); messages of failing steps go to `setup-error`. Descriptor 6 is the container's stderr.
 */
export function renderSetupScript(spec: ContainerSpec, steps: readonly SetupStep[], paths: SetupPaths): string {
  const variables = Object.entries(spec.env).map(([name, value]) => quote(`${name}=${value}`));
  const user = spec.user ? [`--setgid=${spec.user.gid}`, `--setuid=${spec.user.uid}`] : [];
  const root = paths.root === undefined ? [] : [`--root=${quote(paths.root)}`];
  return `${[
    "set -e",
    `exec 2>${quote(`${paths.directory}/setup-error`)}`,
    "read -r stat </proc/self/stat",
    `hostname ${quote(spec.hostname)}`,
    ...renderSteps(steps, `${paths.directory}/mounts`),
    `echo "$stat" >${quote(`${paths.directory}/process`)}`,
    `: >${quote(paths.startedFile)}`,
    "exec 2>&6 6>&-",
    [
      "exec env -i",
      ...variables,
      "/usr/bin/unshare",
      ...root,
      `--wd=${quote(spec.workingDir)}`,
      ...user,
      "--",
      ...spec.argv.map(quote),
    ].join(" "),
  ].join("\n")}\n`;
}

export interface ShimOptions {
  readonly exitedFile: string;
  readonly input?: ContainerSpec["input"] | undefined;
  readonly tty?: boolean | undefined;
}

const unshare = "unshare --mount --uts --pid --fork --kill-child";

/**
 * The shim holds descriptor 3, the terminal's showing side; "$1" is that of the container, which nobody else must hold.
 * It is opened by a child: the shim leads a session, whose controlling terminal it would become.
 */
const runOnTerminal = [
  "mkfifo control",
  "exec 5<>control",
  `( exec ${unshare} /usr/bin/setsid --ctty sh setup.sh <>"$1" >&0 6>&0 2>unshare-error 3>&- 5>&- )`,
  "code=$?",
];

const runWithoutInput = [
  "mkfifo stdout stderr control",
  "exec 3<>stdout 4<>stderr 5<>control",
  `${unshare} sh setup.sh </dev/null >stdout 6>stderr 2>unshare-error 3>&- 4>&- 5>&-`,
  "code=$?",
];

/** A process beside the shim holds stdin open until a line comes into `input`. */
const runWithInput = [
  "mkfifo stdout stderr control stdin input",
  "exec 3<>stdout 4<>stderr 5<>control 7<>stdin 8<>input",
  "( exec 3>&- 4>&- 5>&-; read -r _ <&8 ) &",
  "holder=$!",
  "exec 9<stdin 7>&-",
  `${unshare} sh setup.sh <&9 >stdout 6>stderr 2>unshare-error 3>&- 4>&- 5>&- 8>&- 9>&-`,
  "code=$?",
  "kill $holder 2>/dev/null",
];

/**
 * The sh program that stays beside a container and outlives the agent. It keeps the FIFOs of stdout and stderr open (or
 * the terminal), so that the container gets no SIGPIPE and nothing it wrote is lost while no agent reads; it writes the
 * exit code; and it waits until an agent has read all and writes a line into `control`.
 */
export function renderShimScript({ exitedFile, input, tty }: ShimOptions): string {
  return `${[
    "read -r stat </proc/self/stat",
    'echo "$stat" >shim',
    ...(tty ? runOnTerminal : input ? runWithInput : runWithoutInput),
    // Up to util-linux 2.38 at least, unshare stumbles over a child that ended by SIGKILL and only says so.
    `[ $code != 1 ] || ! grep -q sigprocmask unshare-error || code=${sigkillExitCode}`,
    `echo $code >${quote(exitedFile)}`,
    "read -r _ <&5",
  ].join("\n")}\n`;
}
