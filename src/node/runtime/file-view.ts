/** The machine's file system as plans read it. */
import { lstatSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";

type EntryKind = "directory" | "symlink" | "other";

/** Reads the machine's file system. */
export interface FileView {
  /** Follows links; undefined when there is nothing. */
  kindOf(path: string): "directory" | "other" | undefined;
  /** What a link holds; undefined when the last name of the path is none. */
  readLink(path: string): string | undefined;
  entries(
    directory: string,
  ): readonly { readonly name: string; readonly kind: EntryKind; readonly linkTarget?: string }[];
}

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
