import { lstatSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import type { FileView } from "./root-plan.ts";

/** The machine's files as they are now. */
export const machineFiles: FileView = {
  kindOf(path) {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat && (stat.isDirectory() ? "directory" : "other");
  },
  readLink(path) {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(path) : undefined;
  },
  entries(directory) {
    return readdirSync(directory, { withFileTypes: true }).map((entry) => {
      if (entry.isSymbolicLink()) {
        return { name: entry.name, kind: "symlink", linkTarget: readlinkSync(join(directory, entry.name)) };
      }
      return { name: entry.name, kind: entry.isDirectory() ? "directory" : "other" };
    });
  },
};
