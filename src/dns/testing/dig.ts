/** Queries and answers as text, in the manner of dig, for tests. */
import { formatIp, ipFromBytes } from "../../net/ip.ts";
import { TYPE } from "../wire/constants.ts";
import { decodeMessage, type Message } from "../wire/decode.ts";
import { keyOf, textOf } from "../wire/name.ts";
import type { DnsRecord } from "../wire/record.ts";

const rcodes = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"] as const;

export interface QueryInput {
  readonly id?: number;
  readonly edns?: number;
  readonly class?: number;
  readonly dnssecOk?: boolean;
  readonly version?: number;
}

/** A query for e.g. "backend.default.svc.cluster.local", "A" (or a type's number). */
export function encodeQuery(name: string, type: keyof typeof TYPE | number, options: QueryInput = {}): Buffer {
  const key = keyOf(name);
  if (key === undefined) throw new RangeError(`no name: ${name}`);
  const { id = 0x1234, edns, class: queryClass = 1, version = 0 } = options;
  const question = Buffer.alloc(key.length + 5);
  question.write(key, "latin1");
  question.writeUInt16BE(typeof type === "number" ? type : TYPE[type], key.length + 1);
  question.writeUInt16BE(queryClass, key.length + 3);
  const head = Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, edns === undefined ? 0 : 1]);
  if (edns === undefined) return Buffer.concat([head, question]);
  const opt = Buffer.from([0, 0, 41, edns >> 8, edns & 255, 0, version, options.dnssecOk ? 0x80 : 0, 0, 0, 0]);
  return Buffer.concat([head, question, opt]);
}

/** "NOERROR aa tc", then a line for each record: "backend.default.svc.cluster.local 5 A 10.96.0.17"; "-- authority" and "-- additional" before theirs. */
export function describeAnswer(bytes: Buffer): string[] {
  const message = decodeMessage(bytes);
  return [
    statusOf(message),
    ...message.answers.map(describe),
    ...section("authority", message.authority),
    ...section(
      "additional",
      message.additional.filter(({ data }) => !(data.type === "other" && data.number === TYPE.OPT)),
    ),
  ];
}

export function statusOf({ rcode, flags }: Message): string {
  const names = [
    [0x0400, "aa"],
    [0x0200, "tc"],
    [0x0080, "ra"],
  ] as const;
  return [rcodes[rcode] ?? String(rcode), ...names.filter(([bit]) => flags & bit).map(([, name]) => name)].join(" ");
}

function section(name: string, records: readonly DnsRecord[]): string[] {
  return records.length === 0 ? [] : [`-- ${name}`, ...records.map(describe)];
}

export function describe({ name, ttlSec, data }: DnsRecord): string {
  return `${textOf(name)} ${ttlSec} ${data.type === "other" ? `TYPE${data.number}` : data.type} ${describeData(data)}`;
}

function describeData(data: DnsRecord["data"]): string {
  switch (data.type) {
    case "A":
    case "AAAA":
      return formatIp(ipFromBytes(data.address));
    case "CNAME":
    case "PTR":
    case "NS":
      return textOf(data.name);
    case "SRV":
      return `${data.priority} ${data.weight} ${data.port} ${textOf(data.target)}`;
    case "MX":
      return `${data.preference} ${textOf(data.exchange)}`;
    case "TXT":
      return JSON.stringify(data.text);
    case "SOA":
      return `${textOf(data.primary)} ${textOf(data.mailbox)} ${data.numbers.join(" ")}`;
    case "other":
      return data.number === TYPE.TXT
        ? JSON.stringify(Buffer.from(data.bytes.subarray(1)).toString())
        : Buffer.from(data.bytes).toString("hex");
  }
}
