/** Command lines: one table of options for each command gives parsing, checks and `--help`. */
import { parseArgs } from "node:util";
import { UsageError } from "./errors.ts";

export interface Option {
  readonly type: "string" | "boolean";
  readonly short?: string;
  readonly multiple?: boolean;
  /** Placeholder of the value in `--help`. */
  readonly value?: string;
  readonly help: string;
}

export type Options = Readonly<Record<string, Option>>;

type ValueOf<O extends Option> = O["type"] extends "boolean"
  ? boolean | undefined
  : O extends { multiple: true }
    ? readonly string[] | undefined
    : string | undefined;

export type Values<O extends Options> = { readonly [K in keyof O]: ValueOf<O[K]> };

export interface Parsed<O extends Options> {
  readonly values: Values<O>;
  readonly positionals: readonly string[];
  /** What stands after "--". */
  readonly rest: readonly string[];
}

/** Parses `args`; throws UsageError in one sentence. Positional arguments are allowed when `maxPositionals` > 0. */
export function parseOptions<O extends Options>(args: readonly string[], options: O, maxPositionals = 0): Parsed<O> {
  const end = args.indexOf("--");
  const own = end < 0 ? args : args.slice(0, end);
  const rest = end < 0 ? [] : args.slice(end + 1);
  const config = Object.fromEntries(
    Object.entries(options).map(([name, { type, short, multiple }]) => [
      name,
      { type, ...(short ? { short } : {}), ...(multiple ? { multiple } : {}) },
    ]),
  );
  try {
    const { values, positionals } = parseArgs({ args: [...own], options: config, allowPositionals: true });
    if (positionals.length > maxPositionals) {
      throw new UsageError(`Unexpected argument "${positionals[maxPositionals]}"`);
    }
    return { values: values as Values<O>, positionals, rest };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError((error as Error).message.split(". To specify")[0] ?? "");
  }
}

/** The value of option `name`, which must be a whole number in a range; undefined if it was not given. */
export function numberOption(name: string, text: string | undefined, from: number, to: number): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isInteger(number) && number >= from && number <= to) return number;
  throw new UsageError(`--${name} must be a number from ${from} to ${to}, not "${text}"`);
}

/** The lines of `--help` for `options`. */
export function formatOptions(options: Options): string {
  const rows = Object.entries(options).map(([name, { short, value, help }]) => {
    const flag = `${short ? `-${short}, ` : "    "}--${name}${value ? ` ${value}` : ""}`;
    return [flag, help] as const;
  });
  const width = Math.max(...rows.map(([flag]) => flag.length));
  return rows.map(([flag, help]) => `  ${flag.padEnd(width)}  ${help}`).join("\n");
}
