/** Finds fields that a JSON text names twice, which JSON.parse hides by keeping the last. For strict field validation. */

interface Level {
  readonly path: string;
  /** Undefined in a list. */
  readonly seen: Set<string> | undefined;
  /** Path of the value that comes next. */
  next: string;
  index: number;
}

/** A string (with what makes it a key, if it is one), or a bracket or comma; everything else does not matter here. */
const token = /"((?:[^"\\]|\\.)*)"(\s*:)?|[{}[\],]/g;

function open(path: string, isList: boolean): Level {
  return { path, seen: isList ? undefined : new Set(), next: isList ? `${path}[0]` : path, index: 0 };
}

function nameField(level: Level, name: string, duplicates: string[]): void {
  const path = level.path ? `${level.path}.${name}` : name;
  if (level.seen?.has(name)) duplicates.push(`duplicate field ${JSON.stringify(path)}`);
  level.seen?.add(name);
  level.next = path;
}

/** `duplicate field "spec.type"`, in the order of the text; `value` is what JSON.parse makes of it. */
export function duplicateFields(text: string, value: unknown): string[] {
  // Most programs write as we do: then nothing was lost, which is seen in a tenth of the time.
  if (JSON.stringify(value) === text.trimEnd()) return [];
  const duplicates: string[] = [];
  const levels: Level[] = [];
  for (const [found, name, colon] of text.matchAll(token)) {
    const level = levels.at(-1);
    if (name !== undefined) {
      if (colon && level) nameField(level, JSON.parse(`"${name}"`), duplicates);
    } else if (found === "{" || found === "[") levels.push(open(level?.next ?? "", found === "["));
    else if (found === "}" || found === "]") levels.pop();
    else if (level && !level.seen) level.next = `${level.path}[${++level.index}]`;
  }
  return [...new Set(duplicates)];
}
