/**
 * IP and CIDR texts in fields that predate strict reading (service-api S36): new values must be strict, stored ones stay legal, and
 * texts that are merely unusual earn a warning.
 */
import {
  firstAddress,
  formatCidr,
  hasHostBits,
  hostCidr,
  networkOf,
  parseCidr,
  parseCidrSloppy,
} from "../../net/cidr.ts";
import { canonicalIp, formatIp, isIpv4Mapped, parseIp, parseIpSloppy } from "../../net/ip.ts";
import { isLinkLocalMulticast, isLinkLocalUnicast, isLoopback, isUnspecified } from "../../net/ip-scope.ts";
import { invalid } from "../field-error.ts";
import type { FieldError } from "../kind.ts";

/** Faults of an IP; `stored` are the values that the field held before the change. */
export function validateIp(field: string, value: string, stored: readonly string[] = []): FieldError[] {
  if (stored.includes(value)) return [];
  if (!parseIpSloppy(value))
    return [invalid(field, value, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")];
  const strict = parseIp(value);
  if (!strict) return [invalid(field, value, "must not have leading 0s")];
  return isIpv4Mapped(strict) ? [invalid(field, value, "must not be an IPv4-mapped IPv6 address")] : [];
}

/** Faults of an IP in a field that was strict from the beginning: its only written form. */
export function validateCanonicalIp(field: string, value: string): FieldError[] {
  const faults = validateIp(field, value);
  const canonical = canonicalIp(value);
  if (faults.length > 0 || canonical === value) return faults;
  return [invalid(field, value, `must be in canonical form ("${canonical}")`)];
}

/** Faults of a CIDR; `stored` as for `validateIp`. */
export function validateCidr(field: string, value: string, stored: readonly string[] = []): FieldError[] {
  if (stored.includes(value)) return [];
  if (!parseCidrSloppy(value))
    return [invalid(field, value, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")];
  const strict = parseCidr(value);
  if (!strict) return [invalid(field, value, "must not have leading 0s in IP or prefix length")];
  if (isIpv4Mapped(strict.ip)) return [invalid(field, value, "must not have an IPv4-mapped IPv6 address")];
  return hasHostBits(strict) ? [invalid(field, value, "must not have bits set beyond the prefix length")] : [];
}

/** Faults of an address that no endpoint can have. The text must be an IP. */
export function validateNonSpecialIp(field: string, value: string): FieldError[] {
  const ip = parseIpSloppy(value);
  if (!ip) return [invalid(field, value, "must be a valid IP address")];
  if (isUnspecified(ip)) return [invalid(field, value, `may not be unspecified (${value})`)];
  if (isLoopback(ip)) return [invalid(field, value, "may not be in the loopback range (127.0.0.0/8, ::1/128)")];
  if (isLinkLocalUnicast(ip)) {
    return [invalid(field, value, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")];
  }
  if (isLinkLocalMulticast(ip)) {
    return [invalid(field, value, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")];
  }
  return [];
}

/** Warnings about an IP that is legal but unusual (service-api S115); none for a text that is no IP. */
export function warnAboutIp(field: string, value: string): string[] {
  const ip = parseIpSloppy(value);
  if (!ip) return [];
  const strict = parseIp(value);
  if (!strict || isIpv4Mapped(strict)) {
    return [`${field}: non-standard IP address ${JSON.stringify(value)} is invalid: use "${formatIp(ip)}"`];
  }
  if (formatIp(strict) === value) return [];
  return [
    `${field}: IPv6 address ${JSON.stringify(value)} should be in RFC 5952 canonical format ("${formatIp(strict)}")`,
  ];
}

/** Warnings about a CIDR that is legal but unusual; none for a text that is no CIDR. */
export function warnAboutCidr(field: string, value: string): string[] {
  const cidr = parseCidrSloppy(value);
  if (!cidr) return [];
  const warnings: string[] = [];
  const network = formatCidr(networkOf(cidr));
  if (hasHostBits(cidr)) {
    const single = formatCidr(hostCidr(cidr.ip));
    warnings.push(
      `${field}: CIDR value ${JSON.stringify(value)} is ambiguous in this context (should be "${network}" or "${single}"?)`,
    );
  }
  const strict = parseCidr(value);
  if (!strict || isIpv4Mapped(firstAddress(strict))) {
    warnings.push(`${field}: non-standard CIDR value ${JSON.stringify(value)} is invalid: use "${network}"`);
  } else if (warnings.length === 0 && strict.ip.family === "IPv6" && formatCidr(strict) !== value) {
    warnings.push(
      `${field}: IPv6 CIDR value ${JSON.stringify(value)} should be in RFC 5952 canonical format ("${formatCidr(strict)}")`,
    );
  }
  return warnings;
}

/** Warnings about the addresses of a load balancer in a status. */
export function warnAboutIngress({
  status,
}: {
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } };
}): string[] {
  const ingress = status?.loadBalancer?.ingress ?? [];
  return ingress.flatMap(({ ip }, index) => (ip ? warnAboutIp(`status.loadBalancer.ingress[${index}]`, ip) : []));
}
