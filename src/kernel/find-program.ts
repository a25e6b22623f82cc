/** Finds a program in folders, as the shell does. */
import { accessSync, constants } from "node:fs";
import { join } from "node:path";

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** `searchPath` as in PATH, e.g. "/usr/bin:/bin". Returns the program's path. */
export function findProgram(name: string, searchPath: string): string | undefined {
  return searchPath
    .split(":")
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}
