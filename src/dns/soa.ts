/** The SOA record that goes with each "no" (RFC 2308), and its numbers as CoreDNS gives them. */
import type { Body } from "./body.ts";
import { HEADER_SIZE } from "./wire/constants.ts";
import type { RecordData } from "./wire/record.ts";

const refreshSec = 7200;
const retrySec = 1800;
const expireSec = 86_400;
/** The longest that a resolver is told to remember a "no". */
const maxTtlSec = 300;

export function soaData(zone: string, serial: number, ttlSec: number): RecordData {
  return {
    type: "SOA",
    primary: `\x02ns\x03dns${zone}`,
    mailbox: `\x0ahostmaster${zone}`,
    numbers: [serial, refreshSec, retrySec, expireSec, ttlSec],
  };
}

export function soaTtlSec(ttlSec: number): number {
  return Math.min(ttlSec, maxTtlSec);
}

/**
 * The body of NXDOMAIN and of NODATA, made without an encoder since most of a resolver's search-list questions end here.
 * Every name in it points into the question:
 *   owner: pointer | type 6, class 1, ttl, length | "ns.dns" + pointer | "hostmaster" + pointer | five numbers
 */
export function negativeBody(
  rcode: number,
  zoneStart: number,
  { serial, ttlSec }: { serial: number; ttlSec: number },
): Body {
  const bytes = Buffer.from(template);
  const pointer = 0xc000 | (HEADER_SIZE + zoneStart);
  for (const place of pointerPlaces) bytes.writeUInt16BE(pointer, place);
  bytes.writeUInt32BE(soaTtlSec(ttlSec), ttlPlace);
  bytes.writeUInt32BE(serial, serialPlace);
  bytes.writeUInt32BE(ttlSec, serialPlace + 16);
  return {
    rcode,
    authoritative: true,
    truncated: false,
    answers: 0,
    authority: 1,
    additional: 0,
    bytes,
    ends: soaEnds,
    rotateSize: 0,
    ttlPlaces: [],
  };
}

const ttlPlace = 6;
const primaryPlace = 12;
const mailboxPlace = primaryPlace + 7 + 2;
const serialPlace = mailboxPlace + 11 + 2;
const pointerPlaces = [0, primaryPlace + 7, mailboxPlace + 11] as const;
const size = serialPlace + 20;
const soaEnds = [size] as const;
const template = makeTemplate();

function makeTemplate(): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeUInt16BE(6, 2);
  bytes.writeUInt16BE(1, 4);
  bytes.writeUInt16BE(size - primaryPlace, 10);
  bytes.write("\x02ns\x03dns", primaryPlace, "latin1");
  bytes.write("\x0ahostmaster", mailboxPlace, "latin1");
  [refreshSec, retrySec, expireSec].forEach((number, i) => void bytes.writeUInt32BE(number, serialPlace + 4 + 4 * i));
  return bytes;
}
