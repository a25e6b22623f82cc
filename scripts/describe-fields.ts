/**
 * Writes src/api/openapi/descriptions.gen.json: what each type and field of schema.gen.json is for, as `kubectl explain` shows it.
 * In: the comments of the declarations of @kubernetes/client-node. Where it is not installed (only development needs it) its
 * archive is fetched, 3 MB; without it fields are shown with their types alone.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { extract } from "tar";

const root = join(import.meta.dirname, "..");
const wanted = "@kubernetes/client-node";
const models = join("dist", "gen", "models");

interface Locked {
  readonly version: string;
  /** e.g. "sha512-…" in base64. */
  readonly integrity: string;
}

/** Undefined: it cannot be had here. */
async function fetchPackage(directory: string): Promise<string | undefined> {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, Locked>;
  };
  const { version, integrity } = lock.packages[`node_modules/${wanted}`] as Locked;
  const words = ["pack", `${wanted}@${version}`, "--silent", "--ignore-scripts", "--pack-destination", directory];
  const packed = spawnSync("npm", words, { encoding: "utf8", cwd: root });
  const file = join(directory, packed.stdout?.trim().split("\n").at(-1) ?? "");
  if (packed.status !== 0 || !file.endsWith(".tgz")) {
    console.error(`Cannot fetch ${wanted}: "kubectl explain" will show fields without descriptions.`);
    return undefined;
  }
  const digest = `sha512-${createHash("sha512").update(readFileSync(file)).digest("base64")}`;
  if (digest !== integrity) throw new Error(`${wanted} is not the package that was expected: its digest is ${digest}`);
  await extract({ file, cwd: directory, filter: (path) => path.includes("/gen/models/") && path.endsWith(".d.ts") });
  return join(directory, "package");
}

/** "io.k8s.api.core.v1.Event" is CoreV1Event there and ".Service" V1Service: the first that there is. */
function declarationOf(folder: string, schema: string): string | undefined {
  const [group = "", , kind = ""] = schema.split(".").slice(-3);
  const prefixed = `${group[0]?.toUpperCase()}${group.slice(1)}V1${kind}`;
  const path = [prefixed, `V1${kind}`].map((name) => join(folder, models, `${name}.d.ts`)).find(existsSync);
  return path && readFileSync(path, "utf8");
}

/** Field → its description; "" → that of the type. Declarations escape quotes, and end what is a comment's end. */
function descriptionsIn(declaration: string): Record<string, string> {
  const [, ...parts] = declaration.split("/**").slice(1);
  const found = parts.flatMap((part): [string, string][] => {
    const [comment = "", code = ""] = part.split("*/");
    const text = comment
      .replace(/^\s*\* ?/gm, "")
      .trim()
      .replace(/\\(['"])/g, "$1");
    if (/^\s*export declare class/.test(code)) return [["", text]];
    const field = /^\s*'([^']+)'/.exec(code)?.[1];
    return field ? [[field, text]] : [];
  });
  return Object.fromEntries(found);
}

function write(folder: string | undefined): void {
  const schemas = Object.keys(JSON.parse(readFileSync(join(root, "src", "api", "schema.gen.json"), "utf8")));
  const lines = schemas.flatMap((schema) => {
    const declaration = folder && declarationOf(folder, schema);
    return declaration ? [`  ${JSON.stringify(schema)}: ${JSON.stringify(descriptionsIn(declaration))}`] : [];
  });
  const text = lines.length > 0 ? `{\n${lines.join(",\n")}\n}\n` : "{}\n";
  writeFileSync(join(root, "src", "api", "openapi", "descriptions.gen.json"), text);
}

const installed = join(root, "node_modules", wanted);
if (existsSync(join(installed, models))) write(installed);
else {
  const directory = mkdtempSync(join(root, "node_modules", ".descriptions-"));
  try {
    write(await fetchPackage(directory));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
