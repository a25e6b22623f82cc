/** Kernel settings below /proc/sys. Those below "net." are of the network namespace that the thread is in: use `within`. */
import { readFileSync, writeFileSync } from "node:fs";

/** A name with "." or "/" between its parts; a link's name may hold dots, so give `net/ipv4/conf/eth0.1/…` with slashes. */
function pathOf(name: string): string {
  return `/proc/sys/${name.includes("/") ? name : name.replaceAll(".", "/")}`;
}

/** The setting's text without its newline, or undefined if this kernel has no such setting. */
export function readSysctl(name: string): string | undefined {
  try {
    return readFileSync(pathOf(name), "utf8").trimEnd();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Sets it unless it has this value already; throws the error of node:fs if the kernel refuses. */
export function writeSysctl(name: string, value: string | number): void {
  if (readSysctl(name) === String(value)) return;
  writeFileSync(pathOf(name), String(value));
}
