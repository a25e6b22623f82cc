/** What an address may be used for: the special ranges of IANA's registries (RFC 6890). */
import type { Ip } from "./ip.ts";

/** 0.0.0.0 or ::. */
export function isUnspecified(ip: Ip): boolean {
  return ip.value === 0n;
}

/** 127.0.0.0/8 or ::1. */
export function isLoopback({ family, value }: Ip): boolean {
  return family === "IPv4" ? value >> 24n === 127n : value === 1n;
}

/** 169.254.0.0/16 or fe80::/10. */
export function isLinkLocalUnicast({ family, value }: Ip): boolean {
  return family === "IPv4" ? value >> 16n === 0xa9fen : value >> 118n === 0x3fan;
}

/** 224.0.0.0/24 or ffX2::/16. */
export function isLinkLocalMulticast({ family, value }: Ip): boolean {
  return family === "IPv4" ? value >> 8n === 0xe00000n : ((value >> 112n) & 0xff0fn) === 0xff02n;
}

/** 224.0.0.0/4 or ff00::/8. */
export function isMulticast({ family, value }: Ip): boolean {
  return family === "IPv4" ? value >> 28n === 0xen : value >> 120n === 0xffn;
}
