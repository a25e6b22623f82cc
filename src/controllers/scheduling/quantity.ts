/** Quantities such as "100m", "1.5", "128Mi" as numbers (apimachinery resource.Quantity's documented suffixes). */

const suffixes: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** undefined: it is none. */
export function parseQuantity(text: string | number | undefined): number | undefined {
  const [, digits, exponent = "", suffix = ""] =
    /^([+-]?[\d.]+)(e[+-]?\d+)?([a-zA-Z]*)$/.exec(String(text ?? "")) ?? [];
  const scale = suffixes[suffix];
  if (digits === undefined || scale === undefined) return undefined;
  const value = Number(digits + exponent) * scale;
  return Number.isNaN(value) ? undefined : value;
}
