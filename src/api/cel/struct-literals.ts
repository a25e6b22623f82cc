/**
 * Objects of named types, as policies that change objects write them: `Object{spec: Object.spec{replicas: 3}}`, `JSONPatch{op: "add"}`.
 * The language here has maps only, so they are rewritten to these: `{"spec": {"replicas": 3}}`. Positions of mistakes may shift.
 */

const token =
  /("""[\s\S]*?"""|'''[\s\S]*?'''|[rR]?"(?:\\.|[^"\\])*"|[rR]?'(?:\\.|[^'\\])*'|\/\/[^\n]*)|\b(Object(?:\.\w+)*|JSONPatch)(\s*)\{|([({[])|([)}\]])|([A-Za-z_]\w*)(?=\s*:)|(,)|(\s+)|([\s\S])/g;

export function plainLiterals(text: string): string {
  /** Open brackets; true: of a named type, so that what stands before a colon is a field. */
  const open: boolean[] = [];
  /** A field's name may come now. */
  let fresh = false;
  return text.replace(token, (whole, literal, named, space, opening, closing, word, comma, blank) => {
    if (blank !== undefined) return whole;
    if (named !== undefined) {
      open.push(true);
      fresh = true;
      return `${space}{`;
    }
    const isField = word !== undefined && fresh && open.at(-1) === true;
    if (opening !== undefined) open.push(false);
    if (closing !== undefined) open.pop();
    if (literal?.startsWith("//")) return whole;
    fresh = comma !== undefined;
    return isField ? JSON.stringify(word) : whole;
  });
}
