/** The program: finds the command, runs it, turns what it throws into one sentence and an exit code (0 done, 1 failed, 2 wrong usage). */
import type { Command } from "./command.ts";
import { exitCodeOf, UsageError } from "./errors.ts";
import { formatOptions } from "./options.ts";
import { print } from "./print.ts";

/** Loaded when asked for: a process pays for its own command only. */
const commands: Readonly<Record<string, () => Promise<{ command: Command }>>> = {
  up: () => import("./commands/up.ts"),
  down: () => import("./commands/down.ts"),
  status: () => import("./commands/status.ts"),
  shell: () => import("./commands/shell.ts"),
  apiserver: () => import("./commands/apiserver.ts"),
  controllers: () => import("./commands/controllers.ts"),
  node: () => import("./commands/node.ts"),
  proxy: () => import("./commands/proxy.ts"),
  dns: () => import("./commands/dns.ts"),
  lb: () => import("./commands/lb.ts"),
  image: () => import("./commands/image.ts"),
  cni: () => import("./commands/cni.ts"),
  "make-certificates": () => import("./commands/make-certificates.ts"),
  "control-plane": () => import("./commands/control-plane.ts"),
};

async function help(): Promise<string> {
  const rows: string[] = [];
  for (const [name, load] of Object.entries(commands)) {
    const { command } = await load();
    if (!command.hidden) rows.push(`  ${name.padEnd(12)} ${command.summary}`);
  }
  return [
    "fairlead: Kubernetes Services, whole and real.",
    "",
    "Usage: fairlead COMMAND [options]",
    "",
    ...rows,
    "",
    'Run "fairlead COMMAND --help" for the options of a command.',
    "",
  ].join("\n");
}

function commandHelp(name: string, command: Command): string {
  const examples = (command.examples ?? []).map(([line, what]) => `  ${line}\n      ${what}`);
  return [
    command.summary,
    "",
    `Usage: fairlead ${name} ${command.usage}`,
    "",
    ...(Object.keys(command.options).length > 0 ? ["Options:", formatOptions(command.options), ""] : []),
    ...(examples.length > 0 ? ["Examples:", ...examples, ""] : []),
  ].join("\n");
}

/** Levenshtein distance, for "did you mean". */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function unknownCommand(name: string): UsageError {
  const near = Object.keys(commands).find((known) => distance(known, name) <= 2);
  return new UsageError(`Unknown command "${name}"${near ? `, did you mean "${near}"?` : ""}`);
}

async function run(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (!name || name === "help" || name === "--help" || name === "-h") {
    print(await help());
    return name ? 0 : 2;
  }
  if (name === "--version" || name === "version") {
    const { version } = await import("./version.ts");
    print(`fairlead ${version}\n`);
    return 0;
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!load) throw unknownCommand(name);
  const { command } = await load();
  const own = rest.includes("--") ? rest.slice(0, rest.indexOf("--")) : rest;
  if (own.includes("--help") || own.includes("-h")) {
    print(commandHelp(name, command));
    return 0;
  }
  return command.run(rest);
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  const exitCode = exitCodeOf(error);
  if (exitCode === 2) {
    process.stderr.write(`fairlead: ${(error as Error).message}. Run "fairlead help" to see the commands.\n`);
    process.exit(2);
  }
  const known = exitCode !== undefined || (error instanceof Error && "code" in error);
  process.stderr.write(
    `fairlead: ${known || process.env.FAIRLEAD_DEBUG === undefined ? (error as Error).message : ""}\n`,
  );
  if (process.env.FAIRLEAD_DEBUG !== undefined) process.stderr.write(`${(error as Error).stack}\n`);
  process.exit(1);
}
