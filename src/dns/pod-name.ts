/** Pod names: "10-244-0-7" in `10-244-0-7.default.pod.cluster.local`. */
import { canonicalIp, parseIp } from "../net/ip.ts";

/** The address that the label spells: exactly three dashes, none beside another, is IPv4; else dashes are colons. */
export function podAddress(label: string): string | undefined {
  const dashes = label.split("-").length - 1;
  const text = dashes === 3 && !label.includes("--") ? label.replaceAll("-", ".") : label.replaceAll("-", ":");
  return parseIp(text) && canonicalIp(text);
}
