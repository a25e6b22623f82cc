/** Numbers of the DNS protocol, from the IANA registry "Domain Name System (DNS) Parameters". */

/** Record types (RFC 1035 section 3.2.2, RFC 3596, RFC 2782, RFC 6891). */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
} as const;

export const CLASS_IN = 1;

/** Response codes (RFC 1035 section 4.1.1, RFC 6891 section 9). */
export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const;

/**
 * The 12 bytes of a header (RFC 1035 section 4.1.1):
 *   id u16 | QR opcode:4 AA TC RD | RA Z AD CD rcode:4 | QDCOUNT u16 | ANCOUNT u16 | NSCOUNT u16 | ARCOUNT u16
 */
export const HEADER_SIZE = 12;
/** Bits of the third byte. */
export const QR = 0x80;
export const AA = 0x04;
export const TC = 0x02;
export const RD = 0x01;
/** Bits of the fourth byte. */
export const RA = 0x80;
export const CD = 0x10;

/** Without EDNS, a UDP message holds at most this (RFC 1035 section 4.2.1). */
export const PLAIN_UDP_SIZE = 512;
export const MAX_MESSAGE_SIZE = 65_535;
/** A record's fixed part behind its owner name: type, class, TTL, data length. */
export const RECORD_HEAD_SIZE = 10;
/** An OPT record without options: root name and the fixed part. */
export const OPT_SIZE = 11;
