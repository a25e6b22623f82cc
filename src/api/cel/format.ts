/** `"%s has %d".format([name, count])`. Source: the extension "strings" of the Common Expression Language. */

function textOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(textOf).join(", ")}]`;
  if (value instanceof Date) return value.toISOString().replace(".000Z", "Z");
  if (typeof value === "object" && value !== null) {
    const entries = value instanceof Map ? [...value] : Object.entries(value);
    return `{${entries.map(([key, one]) => `${textOf(key)}: ${textOf(one)}`).join(", ")}}`;
  }
  return String(value);
}

const radix: Readonly<Record<string, number>> = { b: 2, o: 8, x: 16, X: 16 };

function inRadix(value: unknown, verb: string): string {
  if (typeof value === "string") return Buffer.from(value).toString("hex");
  if (typeof value === "boolean") return value ? "1" : "0";
  return BigInt(value as bigint).toString(radix[verb]);
}

function one(value: unknown, verb: string, digits: string | undefined): string {
  switch (verb) {
    case "s":
      return textOf(value);
    case "d":
      if (typeof value !== "bigint") throw new Error("decimal clause can only be used on integers");
      return String(value);
    case "f":
      return Number(value).toFixed(Number(digits ?? 6));
    case "e":
      return Number(value)
        .toExponential(Number(digits ?? 6))
        .replace(/e([+-])(\d)$/, "e$10$2");
    default: {
      const text = inRadix(value, verb);
      return verb === "X" ? text.toUpperCase() : text;
    }
  }
}

/** Throws an Error for a clause that there is not, or has no value. */
export function format(text: string, values: readonly unknown[]): string {
  let next = 0;
  return text.replace(
    /%(?:%|(?:\.(\d+))?([\s\S]?))/g,
    (clause, digits: string | undefined, verb: string | undefined) => {
      if (clause === "%%") return "%";
      if (!verb || !"sdfeboxX".includes(verb)) throw new Error(`unrecognized formatting clause "${verb ?? ""}"`);
      if (next >= values.length) throw new Error(`index ${next} out of range`);
      return one(values[next++], verb, digits);
    },
  );
}
