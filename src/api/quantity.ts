/** Amounts such as "100m", "1.5Gi" or "2e3". Source: the Kubernetes reference of `Quantity`. */

export const quantityPattern = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$";

/** Exact: `nano` counts billionths, the smallest unit a quantity can have. */
export interface Quantity {
  readonly nano: bigint;
  /** As Kubernetes writes it back: "1.5Gi" is "1536Mi", "0.1" is "100m". */
  readonly canonical: string;
}

type Family = "binary" | "decimal" | "exponent";

const nanoPerUnit = 10n ** 9n;
const binary = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const decimal: readonly (readonly [suffix: string, exponent: number])[] = [
  ["E", 18],
  ["P", 15],
  ["T", 12],
  ["G", 9],
  ["M", 6],
  ["k", 3],
  ["", 0],
  ["m", -3],
  ["u", -6],
  ["n", -9],
];
const syntax = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)([A-Za-z]{0,2}|[eE][+-]?\d+)$/;

/** Power of ten or two that the suffix stands for, as a fraction of whole numbers. */
function scaleOf(suffix: string): { family: Family; numerator: bigint; denominator: bigint } | undefined {
  const power = binary.indexOf(suffix);
  if (power > 0) return { family: "binary", numerator: 1024n ** BigInt(power), denominator: 1n };
  const known = decimal.find(([name]) => name === suffix)?.[1];
  const exponent = known ?? (/^[eE][+-]?\d{1,2}$/.test(suffix) ? Number(suffix.slice(1)) : undefined);
  if (exponent === undefined) return undefined;
  const scale = 10n ** BigInt(Math.abs(exponent));
  const family = known === undefined ? "exponent" : "decimal";
  return exponent < 0 ? { family, numerator: 1n, denominator: scale } : { family, numerator: scale, denominator: 1n };
}

function formatDecimal(nano: bigint, family: Family): string {
  for (const [suffix, exponent] of decimal) {
    const unit = 10n ** BigInt(exponent + 9);
    if (nano % unit !== 0n) continue;
    if (family === "exponent") return `${nano / unit}${exponent === 0 ? "" : `e${exponent}`}`;
    return `${nano / unit}${suffix}`;
  }
  return "0";
}

/** The largest binary suffix that leaves a whole number; below 1024 or with a fraction, decimal ones are used. */
function formatBinary(nano: bigint): string {
  const size = nano < 0n ? -nano : nano;
  if (nano % nanoPerUnit !== 0n || size < 1024n * nanoPerUnit) return formatDecimal(nano, "decimal");
  let power = 0;
  let amount = nano / nanoPerUnit;
  while (amount % 1024n === 0n && power < binary.length - 1) {
    amount /= 1024n;
    power++;
  }
  return `${amount}${binary[power]}`;
}

/** More digits than any amount has, and few enough to reckon with. */
const maxLength = 1000;

/** Undefined for text that is no quantity. Finer than a billionth is rounded up, away from zero. */
export function parseQuantity(text: string): Quantity | undefined {
  const match = text.length <= maxLength ? syntax.exec(text) : null;
  const scale = match && scaleOf(match[3] ?? "");
  if (!match || !scale) return undefined;
  const [whole = "", fraction = ""] = (match[2] ?? "").split(".");
  const digits = BigInt(`${whole}${fraction}`) * scale.numerator * nanoPerUnit;
  const divisor = scale.denominator * 10n ** BigInt(fraction.length);
  const size = (digits + divisor - 1n) / divisor;
  const nano = match[1] === "-" ? -size : size;
  if (nano === 0n) return { nano, canonical: "0" };
  return { nano, canonical: scale.family === "binary" ? formatBinary(nano) : formatDecimal(nano, scale.family) };
}

const rounded = (text: string | undefined, factor: bigint): number | undefined => {
  const nano = text === undefined ? undefined : parseQuantity(text)?.nano;
  return nano === undefined ? undefined : Number((nano * factor + nanoPerUnit - 1n) / nanoPerUnit);
};

/** Whole units, rounded up, e.g. bytes of "128Mi"; undefined for what is no quantity. */
export const wholeValueOf = (text: string | undefined): number | undefined => rounded(text, 1n);

/** Thousandths, rounded up, e.g. 1500 of the cpus "1.5"; undefined for what is no quantity. */
export const milliValueOf = (text: string | undefined): number | undefined => rounded(text, 1000n);

/** Negative, zero or positive, as a is less than, equal to or more than b. Both must be quantities. */
export function compareQuantities(a: string, b: string): number {
  const difference = nanoOf(a) - nanoOf(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function nanoOf(text: string): bigint {
  const quantity = parseQuantity(text);
  if (!quantity) throw new TypeError(`Cannot compare "${text}": it is no quantity`);
  return quantity.nano;
}
