/** Amounts in expressions: `quantity("1Gi").isGreaterThan(quantity("500Mi"))`. Source: Kubernetes "Common Expression Language", quantity library. */
import type { Environment } from "@marcbachmann/cel-js";
import { parseQuantity } from "../quantity.ts";

const nanoPerUnit = 10n ** 9n;

class CelQuantity {
  readonly nano: bigint;
  constructor(nano: bigint) {
    this.nano = nano;
  }
}

function read(text: string): CelQuantity {
  const parsed = parseQuantity(text);
  if (!parsed) {
    throw new Error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  }
  return new CelQuantity(parsed.nano);
}

const sign = (value: bigint): bigint => (value > 0n ? 1n : value < 0n ? -1n : 0n);
const isWhole = ({ nano }: CelQuantity): boolean => nano % nanoPerUnit === 0n;

function asInteger(quantity: CelQuantity): bigint {
  if (!isWhole(quantity)) throw new Error("cannot convert value to integer");
  return quantity.nano / nanoPerUnit;
}

export function registerQuantity(environment: Environment): Environment {
  type Q = CelQuantity;
  return environment
    .registerType("kubernetes.Quantity", CelQuantity)
    .registerFunction("quantity(string): kubernetes.Quantity", read)
    .registerFunction("isQuantity(string): bool", (text: string) => parseQuantity(text) !== undefined)
    .registerFunction("kubernetes.Quantity.isInteger(): bool", isWhole)
    .registerFunction("kubernetes.Quantity.asInteger(): int", asInteger)
    .registerFunction("kubernetes.Quantity.asApproximateFloat(): double", ({ nano }: Q) => Number(nano) / 1e9)
    .registerFunction("kubernetes.Quantity.isGreaterThan(kubernetes.Quantity): bool", (a: Q, b: Q) => a.nano > b.nano)
    .registerFunction("kubernetes.Quantity.isLessThan(kubernetes.Quantity): bool", (a: Q, b: Q) => a.nano < b.nano)
    .registerFunction("kubernetes.Quantity.compareTo(kubernetes.Quantity): int", (a: Q, b: Q) => sign(a.nano - b.nano))
    .registerFunction(
      "kubernetes.Quantity.add(kubernetes.Quantity): kubernetes.Quantity",
      (a: Q, b: Q) => new CelQuantity(a.nano + b.nano),
    )
    .registerFunction(
      "kubernetes.Quantity.add(int): kubernetes.Quantity",
      (a: Q, b: bigint) => new CelQuantity(a.nano + b * nanoPerUnit),
    )
    .registerFunction(
      "kubernetes.Quantity.sub(kubernetes.Quantity): kubernetes.Quantity",
      (a: Q, b: Q) => new CelQuantity(a.nano - b.nano),
    )
    .registerFunction(
      "kubernetes.Quantity.sub(int): kubernetes.Quantity",
      (a: Q, b: bigint) => new CelQuantity(a.nano - b * nanoPerUnit),
    );
}
