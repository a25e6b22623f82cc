/** Adds the cluster's context to a kubeconfig file, and takes exactly that out again; all else in the file stays. */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { isMap, isSeq, parseDocument, type YAMLMap, YAMLSeq } from "yaml";
import type { kubeconfigOf } from "../apiserver/kubeconfig.ts";
import { CliError, errorCode } from "./errors.ts";

type Kubeconfig = ReturnType<typeof kubeconfigOf>;
const lists = ["clusters", "contexts", "users"] as const;

/** --kubeconfig, else the first file of KUBECONFIG, else ~/.kube/config (as kubectl chooses where to write). */
export function kubeconfigPath(option: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  if (option) return resolve(option);
  const first = env.KUBECONFIG?.split(":").find((path) => path !== "");
  return first ? resolve(first) : join(homedir(), ".kube", "config");
}

function parse(path: string, text: string) {
  const document = parseDocument(text === "" ? "apiVersion: v1\nkind: Config\n" : text);
  if (document.errors.length > 0 || (document.contents !== null && !isMap(document.contents))) {
    throw new CliError(
      `Cannot use the kubeconfig "${path}": it is not YAML with a mapping; mend it or name another with --kubeconfig FILE.`,
    );
  }
  return document;
}

type Document = ReturnType<typeof parse>;

function remove(document: Document, list: string, name: string): void {
  const items = document.get(list);
  if (isSeq(items)) items.items = items.items.filter((item) => !isMap(item) || item.get("name") !== name);
}

function add(document: Document, list: string, entry: { name: string }): void {
  remove(document, list, entry.name);
  const items = document.get(list);
  const sequence = isSeq(items) ? items : new YAMLSeq();
  sequence.flow = false;
  sequence.items.push(document.createNode(entry) as YAMLMap);
  document.set(list, sequence);
}

/** client-go's lock: a file FILE.lock that exists while FILE is written. A stale one is waited for one second. */
function locked<T>(path: string, action: () => T): T {
  const lock = `${path}.lock`;
  for (let attempt = 0; ; attempt++) {
    try {
      closeSync(openSync(lock, "wx", 0o600));
      break;
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error;
      if (attempt === 20)
        throw new CliError(
          `Cannot write the kubeconfig "${path}": "${lock}" says that another program writes it; remove that file if none does.`,
        );
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
  }
  try {
    return action();
  } finally {
    rmSync(lock, { force: true });
  }
}

function change(path: string, edit: (document: Document) => void): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    locked(path, () => {
      const document = parse(path, existsSync(path) ? readFileSync(path, "utf8") : "");
      edit(document);
      writeFileSync(`${path}.new`, document.toString(), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    });
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(
      `Cannot write the kubeconfig "${path}" (${errorCode(error)}): name another with --kubeconfig FILE.`,
    );
  }
}

/** Servers by the names of their contexts. */
export function contextServers(path: string): ReadonlyMap<string, string> {
  if (!existsSync(path)) return new Map();
  const { contexts = [], clusters = [] } = (parse(path, readFileSync(path, "utf8")).toJS() ??
    {}) as Partial<Kubeconfig>;
  const servers = new Map((clusters ?? []).map(({ name, cluster }) => [name, cluster?.server ?? ""]));
  return new Map((contexts ?? []).map(({ name, context }) => [name, servers.get(context?.cluster) ?? ""]));
}

/** Adds or replaces the entries and makes their context the current one. */
export function addContext(path: string, config: Kubeconfig): void {
  change(path, (document) => {
    for (const list of lists) for (const entry of config[list]) add(document, list, entry);
    document.set("current-context", config["current-context"]);
  });
}

/** Takes the entries named `name` out; nothing happens when the file or the entries are gone. */
export function removeContext(path: string, name: string): void {
  if (!existsSync(path)) return;
  change(path, (document) => {
    for (const list of lists) remove(document, list, name);
    if (document.get("current-context") === name) document.set("current-context", "");
  });
}
