/** Link-layer addresses that go with an IP address. */
import { ipToBytes, parseIp } from "./ip.ts";

/** Locally administered, and the same for the same address: a neighbour's cache never goes stale. */
export function macOf(ip: string): string {
  const parsed = parseIp(ip);
  const last = parsed ? [...ipToBytes(parsed)].slice(-4) : [];
  return ["02", "0a", ...last.map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
}
