/** One query against the zone: pure, bytes in, bytes out, or who else must be asked. */
import { type Body, type ComposeOptions, compose, composeFault, encodeBody, faultBody } from "./body.ts";
import { negativeBody, soaData, soaTtlSec } from "./soa.ts";
import { CLASS_IN, RCODE, TYPE } from "./wire/constants.ts";
import { labelStarts } from "./wire/name.ts";
import { parseQuery, type Query } from "./wire/query.ts";
import type { DnsRecord, RecordData } from "./wire/record.ts";
import type { Found, Zone } from "./zone.ts";

export interface AnswerOptions extends ComposeOptions {
  /** The zone holds all objects: before that, "no" would be a lie. */
  readonly synced: boolean;
}

export type Outcome =
  | { readonly kind: "reply"; readonly bytes: Buffer; readonly rcode: number; readonly query?: Query }
  /** The name is not ours. */
  | { readonly kind: "forward"; readonly query: Query }
  /** An ExternalName leads to a name that is not ours: the answer is `aliases` and then whatever that name has. */
  | { readonly kind: "alias"; readonly query: Query; readonly aliases: readonly DnsRecord[]; readonly target: string }
  | { readonly kind: "drop" };

/** Longer chains of aliases are cut off. */
const maxAliases = 10;

const typeNames: ReadonlyMap<number, RecordData["type"]> = new Map([
  [TYPE.A, "A"],
  [TYPE.AAAA, "AAAA"],
  [TYPE.SRV, "SRV"],
  [TYPE.PTR, "PTR"],
  [TYPE.CNAME, "CNAME"],
  [TYPE.TXT, "TXT"],
  [TYPE.NS, "NS"],
]);

/** Answers the message `packet`. */
export function answer(packet: Buffer, zone: Zone, options: AnswerOptions): Outcome {
  const parsed = parseQuery(packet);
  switch (parsed.kind) {
    case "drop":
      return parsed;
    case "fault":
      return { kind: "reply", bytes: composeFault(packet, parsed.rcode, parsed.query), rcode: parsed.rcode };
    case "query":
      return answerQuery(parsed.query, zone, options);
  }
}

function answerQuery(query: Query, zone: Zone, options: AnswerOptions): Outcome {
  const reply = (body: Body): Outcome => ({
    kind: "reply",
    bytes: compose(query, body, options),
    rcode: body.rcode,
    query,
  });
  if (query.class !== CLASS_IN || query.type === TYPE.AXFR || query.type === TYPE.IXFR) {
    return reply(faultBody(RCODE.REFUSED));
  }
  const found = zone.lookup(query.name, query.starts);
  if (found.kind === "outside")
    return mustStayHere(query) ? reply(faultBody(RCODE.NXDOMAIN)) : { kind: "forward", query };
  if (!options.synced) return reply(faultBody(RCODE.SERVFAIL, true));
  if (found.kind === "missing") {
    return found.reverse && options.recursion
      ? { kind: "forward", query }
      : reply(negativeBody(RCODE.NXDOMAIN, found.zoneStart, zone));
  }
  const aliased = follow(query, found, zone);
  return aliased.kind === "body" ? reply(aliased.body) : { ...aliased, query };
}

/** Addresses of names with one label, and of `.local`, are of this network: no server outside knows them (RFC 6762 section 3). */
function mustStayHere({ name, starts, type }: Query): boolean {
  if (type !== TYPE.A && type !== TYPE.AAAA) return false;
  return starts.length === 1 || name.endsWith("\x05local");
}

type Followed =
  | { readonly kind: "body"; readonly body: Body }
  | { readonly kind: "alias"; readonly aliases: readonly DnsRecord[]; readonly target: string };

/** The answer at the end of the chain of aliases that begins at the question's name; most names are no alias. */
function follow(query: Query, found: Found & { kind: "found" }, zone: Zone): Followed {
  const type = typeNames.get(query.type);
  const { alias } = found.name;
  if (!alias || type === "CNAME") return { kind: "body", body: direct(query, found, zone, type) };
  if (type !== "A" && type !== "AAAA") {
    return { kind: "body", body: negativeBody(RCODE.NOERROR, found.zoneStart, zone) };
  }
  const aliases: DnsRecord[] = [alias];
  let target = targetOf(alias);
  while (aliases.length < maxAliases) {
    const next = zone.lookup(target, labelStarts(target));
    if (next.kind === "outside") return { kind: "alias", aliases, target };
    const further = next.kind === "found" ? next.name.alias : undefined;
    if (!further) return { kind: "body", body: endOf(query, aliases, { target, found: next, type }, zone) };
    if (aliases.some(({ name }) => name === further.name)) break;
    aliases.push(further);
    target = targetOf(further);
  }
  return { kind: "body", body: encodeBody(query.name, { answers: aliases }, { rcode: RCODE.SERVFAIL }) };
}

function direct(
  query: Query,
  found: Found & { kind: "found" },
  zone: Zone,
  type: RecordData["type"] | undefined,
): Body {
  if (query.type === TYPE.SOA && found.zoneStart === 0) {
    const data = soaData(query.name, zone.serial, zone.ttlSec);
    return encodeBody(query.name, { answers: [{ name: query.name, ttlSec: soaTtlSec(zone.ttlSec), data }] });
  }
  const ready = type && found.name.body(query.name, type);
  return ready ?? negativeBody(RCODE.NOERROR, found.zoneStart, zone);
}

/** A chain that ends in this zone; its code is that of the last name (RFC 6604 section 3). */
function endOf(
  query: Query,
  aliases: readonly DnsRecord[],
  end: { target: string; found: Found; type: "A" | "AAAA" },
  zone: Zone,
): Body {
  const records = end.found.kind === "found" ? (end.found.name.sets.get(end.type)?.answers ?? []) : [];
  const rcode = end.found.kind === "missing" ? RCODE.NXDOMAIN : RCODE.NOERROR;
  if (records.length > 0 || end.found.kind === "outside") {
    return encodeBody(query.name, { answers: [...aliases, ...records] }, { rcode });
  }
  const apex = end.target.slice(end.found.zoneStart);
  const soa = { name: apex, ttlSec: soaTtlSec(zone.ttlSec), data: soaData(apex, zone.serial, zone.ttlSec) };
  return encodeBody(query.name, { answers: aliases, authority: [soa] }, { rcode });
}

function targetOf({ data }: DnsRecord): string {
  return data.type === "CNAME" ? data.name : "";
}
