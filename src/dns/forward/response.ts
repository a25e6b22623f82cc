/** What a server before us answered, as a Body, and for how long it holds (RFC 2308, RFC 1035 section 7.4). */
import type { Body } from "../body.ts";
import { CLASS_IN, HEADER_SIZE, RCODE, RECORD_HEAD_SIZE, TC, TYPE } from "../wire/constants.ts";
import { MessageError, type Place, scanMessage } from "../wire/decode.ts";
import { lowerKey } from "../wire/name.ts";
import { skipName } from "../wire/query.ts";

/** A question as it is asked of others. */
export interface Question {
  /** Lower-cased key. */
  readonly name: string;
  readonly type: number;
  readonly dnssecOk: boolean;
  readonly checkingDisabled: boolean;
}

export interface Response {
  readonly body: Body;
  /** How long it may be kept; 0: not at all. */
  readonly ttlSec: number;
}

const maxPositiveTtlSec = 3600;
const maxNegativeTtlSec = 1800;
const failureTtlSec = 5;

/** Throws MessageError if the bytes are no answer to this question. */
export function readResponse(bytes: Buffer, question: Question): Response {
  const { questionEnd, sections } = scanMessage(bytes);
  checkQuestion(bytes, questionEnd, question);
  const [answers, authority, additional] = sections;
  // Our own OPT is added for each asker; what stands behind theirs would be in the wrong place without it.
  const optIndex = additional.findIndex(({ head }) => bytes.readUInt16BE(head) === TYPE.OPT);
  const kept = optIndex === -1 ? additional : additional.slice(0, optIndex);
  const records = [...answers, ...authority, ...kept];
  const end = records.at(-1)?.end ?? questionEnd;
  const body: Body = {
    rcode: bytes.readUInt8(3) & 15,
    authoritative: false,
    truncated: (bytes.readUInt8(2) & TC) !== 0,
    answers: answers.length,
    authority: authority.length,
    additional: kept.length,
    bytes: Buffer.from(bytes.subarray(questionEnd, end)),
    ends: records.map((place) => place.end - questionEnd),
    rotateSize: 0,
    ttlPlaces: records.map(({ head }) => head + 4 - questionEnd),
  };
  return { body, ttlSec: body.truncated ? 0 : lifetime(bytes, body.rcode, { question, answers, authority, records }) };
}

function checkQuestion(bytes: Buffer, questionEnd: number, question: Question): void {
  const nameEnd = questionEnd - 4;
  const name = lowerKey(bytes.toString("latin1", HEADER_SIZE, nameEnd - 1));
  const same = name === question.name && bytes.readUInt16BE(nameEnd) === question.type;
  if (!same || bytes.readUInt16BE(nameEnd + 2) !== CLASS_IN) throw new MessageError("it answers another question");
  if ((bytes.readUInt8(2) & 0x80) === 0) throw new MessageError("it is a query");
}

interface Sections {
  readonly question: Question;
  readonly answers: readonly Place[];
  readonly authority: readonly Place[];
  readonly records: readonly Place[];
}

function lifetime(bytes: Buffer, rcode: number, { question, answers, authority, records }: Sections): number {
  if (rcode === RCODE.SERVFAIL) return failureTtlSec;
  if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) return 0;
  const typeOf = ({ head }: Place): number => bytes.readUInt16BE(head);
  const ttls = records.map(({ head }) => bytes.readUInt32BE(head + 4)).map((ttl) => (ttl > 0x7fffffff ? 0 : ttl));
  const shortest = Math.min(...ttls, maxPositiveTtlSec);
  if (rcode === RCODE.NOERROR && answers.some((place) => typeOf(place) === question.type)) return shortest;
  const soa = authority.find((place) => typeOf(place) === TYPE.SOA);
  // A "no", or a chain of aliases without an end, may be kept only as long as an SOA says.
  return soa ? Math.min(shortest, soaMinimum(bytes, soa), maxNegativeTtlSec) : 0;
}

/** The last of the SOA's numbers. */
function soaMinimum(bytes: Buffer, { head, end }: Place): number {
  const mailbox = skipName(bytes, head + RECORD_HEAD_SIZE);
  return mailbox === -1 || end - mailbox < 21 ? 0 : bytes.readUInt32BE(end - 4);
}
