/** The OCI runtimes of this machine. */
import { spawnSync } from "node:child_process";
import { findProgram } from "../../../kernel/find-program.ts";

export const ociRuntimes = ["crun", "runc"] as const;

export interface OciProgram {
  /** One of `ociRuntimes`: its handler. */
  readonly name: string;
  readonly path: string;
}

/** Beside the search path: an ordinary user's may lack /usr/sbin, where Debian keeps runc. */
const moreFolders = "/usr/local/sbin:/usr/sbin:/sbin";
const versionMs = 5_000;

export function findOciProgram(name: string, searchPath = process.env.PATH ?? ""): OciProgram | undefined {
  const path = findProgram(name, `${searchPath}:${moreFolders}`);
  return path === undefined ? undefined : { name, path };
}

/** e.g. "1.8.1"; "unknown" when it does not say. */
export function versionOf({ path }: OciProgram): string {
  const { stdout } = spawnSync(path, ["--version"], { encoding: "utf8", timeout: versionMs });
  return /version (\S+)/.exec(stdout ?? "")?.[1] ?? "unknown";
}
