/** Names of addresses: "7.0.0.10.in-addr.arpa" (RFC 1035 section 3.5) and nibbles in "ip6.arpa" (RFC 3596 section 2.5). */
import { formatIp, ipFromBytes } from "../net/ip.ts";
import { keyOf, labelStarts } from "./wire/name.ts";

const zones = [
  { key: keyOf("in-addr.arpa") ?? "", labels: 4, base: 10 },
  { key: keyOf("ip6.arpa") ?? "", labels: 32, base: 16 },
] as const;

export interface ReverseName {
  /** Where the reverse zone begins in the name's key. */
  readonly zoneStart: number;
  /** In canonical form; undefined if the name is none of a whole address. */
  readonly address: string | undefined;
}

/** Undefined for a name that is in no reverse zone. */
export function parseReverse(name: string): ReverseName | undefined {
  for (const { key, labels: wanted, base } of zones) {
    if (!name.endsWith(key)) continue;
    const starts = labelStarts(name);
    const zoneStart = name.length - key.length;
    const count = starts.indexOf(zoneStart);
    if (count === -1) continue;
    if (count !== wanted) return { zoneStart, address: undefined };
    const numbers = starts.slice(0, count).map((start) => {
      return parseNumber(name.slice(start + 1, start + 1 + name.charCodeAt(start)), base);
    });
    return { zoneStart, address: addressOf(numbers.reverse(), base) };
  }
  return undefined;
}

/** -1 if the text is not the one way to write a byte (decimal) or a nibble (hexadecimal). */
function parseNumber(text: string, base: 10 | 16): number {
  const number = Number.parseInt(text, base);
  return number.toString(base) === text && number < (base === 10 ? 256 : 16) ? number : -1;
}

function addressOf(numbers: readonly number[], base: 10 | 16): string | undefined {
  if (numbers.includes(-1)) return undefined;
  if (base === 10) return formatIp(ipFromBytes(Uint8Array.from(numbers)));
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => ((numbers[2 * i] ?? 0) << 4) | (numbers[2 * i + 1] ?? 0));
  return formatIp(ipFromBytes(bytes));
}
