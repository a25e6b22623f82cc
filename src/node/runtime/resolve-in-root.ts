/** Paths in a root that nobody vouches for: a link in it must not lead out of it. */
import { join } from "node:path";

/** The kernel's limit for links on the way to one file (path_resolution(7)). */
const maxLinks = 40;

export interface ResolveOptions {
  /** What the link at this path of the machine holds; undefined when there is none. */
  readonly readLink: (path: string) => string | undefined;
  /** Leave the last name as it is, link or not. */
  readonly keepLast?: boolean;
}

/** The names of `path` below `root` with all links followed as by a process whose root it is; undefined for a loop. */
export function resolveInRoot(root: string, path: string, { readLink, keepLast }: ResolveOptions): string | undefined {
  const split = (text: string) => text.split("/").filter((name) => name !== "" && name !== ".");
  const todo = split(path);
  let done: string[] = [];
  for (let links = 0; todo.length > 0; ) {
    const name = todo.shift() ?? "";
    if (name === "..") {
      done = done.slice(0, -1);
      continue;
    }
    const link = keepLast && todo.length === 0 ? undefined : readLink(join(root, ...done, name));
    if (link === undefined) done.push(name);
    else if (++links > maxLinks) return undefined;
    else {
      if (link.startsWith("/")) done = [];
      todo.unshift(...split(link));
    }
  }
  return `/${done.join("/")}`;
}
