/** Commands → one batch of netlink messages (nfnetlink: BATCH_BEGIN, messages, BATCH_END). */
import { MessageBuffer, NLM_F_APPEND, NLM_F_CREATE } from "../netlink/message.ts";
import {
  attributes as a,
  families,
  fieldTypes,
  hooks,
  messages,
  NFNL_MSG_BATCH_BEGIN,
  NFNL_MSG_BATCH_END,
  NFNL_SUBSYS_NFTABLES,
  NFT_DATA_VERDICT,
  setFlags,
  verdicts,
} from "./constants.ts";
import { encodeData, encodeExpression, encodeVerdict } from "./expressions.ts";
import type { Bytes, Command, FieldType, SetElement, SetSpec } from "./port.ts";
import { keyBehind, readU32 } from "./values.ts";

/** A list of elements is one attribute, which holds at most 64 KiB. */
const maxElementBytes = 60_000;

/** Starts a message of nf_tables: netlink header and struct nfgenmsg. */
export function beginMessage(m: MessageBuffer, message: number, flags: number, family = 0): number {
  const sequence = m.begin((NFNL_SUBSYS_NFTABLES << 8) | message, flags);
  m.u8(family).u8(0).u16be(0);
  return sequence;
}

export interface Batch {
  readonly batch: MessageBuffer;
  /** By the sequence number of its message. */
  readonly commandOf: ReadonlyMap<number, Command>;
}

export function encodeBatch(commands: readonly Command[]): Batch {
  const batch = new MessageBuffer(1 << 14);
  const commandOf = new Map<number, Command>();
  boundary(batch, NFNL_MSG_BATCH_BEGIN);
  for (const command of commands) encodeCommand(batch, command, (sequence) => commandOf.set(sequence, command));
  batch.requestAck();
  boundary(batch, NFNL_MSG_BATCH_END);
  return { batch, commandOf };
}

function boundary(m: MessageBuffer, type: number): void {
  m.begin(type, 0);
  m.u8(0).u8(0).u16be(NFNL_SUBSYS_NFTABLES).end();
}

function encodeCommand(m: MessageBuffer, command: Command, began: (sequence: number) => void): void {
  const begin = (message: number, flags: number) =>
    began(beginMessage(m, message, flags, families[command.table.family]));
  const table = command.table.name;
  switch (command.op) {
    case "add-table":
      begin(messages.newTable, NLM_F_CREATE);
      m.attrString(a.table.name, table).attrU32be(a.table.flags, 0).end();
      return;
    case "delete-table":
      begin(messages.delTable, 0);
      m.attrString(a.table.name, table).end();
      return;
    case "add-chain":
      begin(messages.newChain, NLM_F_CREATE);
      encodeChain(m, command);
      return;
    case "delete-chain":
      begin(messages.delChain, 0);
      m.attrString(a.chain.table, table).attrString(a.chain.name, command.chain).end();
      return;
    case "flush-chain":
      begin(messages.delRule, 0);
      m.attrString(a.rule.table, table).attrString(a.rule.chain, command.chain).end();
      return;
    case "add-rule": {
      begin(messages.newRule, NLM_F_CREATE | NLM_F_APPEND);
      m.attrString(a.rule.table, table).attrString(a.rule.chain, command.chain);
      const list = m.nest(a.rule.expressions);
      for (const expression of command.rule) encodeExpression(m, expression, command.table.family);
      m.unnest(list).end();
      return;
    }
    case "add-set":
      begin(messages.newSet, NLM_F_CREATE);
      encodeSet(m, table, command.set);
      return;
    case "add-elements":
    case "delete-elements":
      encodeElements(m, command, begin);
      return;
  }
}

function encodeChain(m: MessageBuffer, { table, chain, base }: Extract<Command, { op: "add-chain" }>): void {
  m.attrString(a.chain.table, table.name).attrString(a.chain.name, chain);
  if (base) {
    const hook = m.nest(a.chain.hook);
    m.attrU32be(a.hook.number, hooks[base.hook]).attrU32be(a.hook.priority, base.priority).unnest(hook);
    m.attrU32be(a.chain.policy, verdicts.accept).attrString(a.chain.type, base.type);
  }
  m.end();
}

const typeNumber = (fields: readonly FieldType[]): number =>
  fields.reduce((number, field) => (number << 6) | fieldTypes[field].number, 0) >>> 0;
const byteLength = (fields: readonly FieldType[]): number =>
  fields.reduce((sum, field) => sum + ((fieldTypes[field].length + 3) & ~3), 0);

/** The kernel wants an id that no other set of the transaction has, even though we name sets by name. */
let lastSetId = 0;

function encodeSet(m: MessageBuffer, table: string, set: SetSpec): void {
  const { key, value, dynamic } = set;
  const flags =
    (value ? setFlags.map : 0) |
    (key.length > 1 ? setFlags.concatenation : 0) |
    (dynamic ? setFlags.timeout | setFlags.evaluated : 0);
  m.attrString(a.set.table, table).attrString(a.set.name, set.name).attrU32be(a.set.flags, flags);
  m.attrU32be(a.set.keyType, typeNumber(key)).attrU32be(a.set.keyLength, byteLength(key));
  if (value === "verdict") m.attrU32be(a.set.dataType, NFT_DATA_VERDICT).attrU32be(a.set.dataLength, 0);
  else if (value) m.attrU32be(a.set.dataType, typeNumber(value)).attrU32be(a.set.dataLength, byteLength(value));
  const description = m.nest(a.set.description);
  if (dynamic) m.attrU32be(a.setDescription.size, dynamic.size);
  if (key.length > 1) encodeConcatenation(m, key);
  m.unnest(description);
  lastSetId = (lastSetId + 1) & 0x7fffffff;
  m.attrU32be(a.set.id, lastSetId);
  if (dynamic) m.attrU64be(a.set.timeout, dynamic.timeoutMs);
  m.end();
}

function encodeConcatenation(m: MessageBuffer, key: readonly FieldType[]): void {
  const concatenation = m.nest(a.setDescription.concatenation);
  for (const field of key) {
    const element = m.nest(a.listElem);
    m.attrU32be(a.setField.length, fieldTypes[field].length).unnest(element);
  }
  m.unnest(concatenation);
}

type ElementsCommand = Extract<Command, { op: "add-elements" | "delete-elements" }>;

/** As many messages as the elements need. */
function encodeElements(
  m: MessageBuffer,
  command: ElementsCommand,
  begin: (message: number, flags: number) => void,
): void {
  const { op, table, set, elements, valueLength } = command;
  const adds = op === "add-elements";
  const values = adds ? command.values : "none";
  /** Of the next element, how many of those that it stands for are written. */
  let place = 0;
  for (let next = 0; next < elements.length; ) {
    begin(adds ? messages.newSetElem : messages.delSetElem, adds ? NLM_F_CREATE : 0);
    m.attrString(a.elementList.table, table.name).attrString(a.elementList.set, set);
    const list = m.nest(a.elementList.elements);
    const end = m.length + maxElementBytes;
    while (next < elements.length && m.length < end) {
      const element = elements[next] as SetElement;
      if (valueLength === undefined) encodeElement(m, element.key, element.value, values);
      else {
        place = encodeList(m, element, { values, valueLength, place, end });
        if (place * valueLength < element.value.length) continue;
      }
      place = 0;
      next++;
    }
    m.unnest(list).end();
  }
}

function encodeElement(m: MessageBuffer, key: Bytes, value: Bytes, values: ElementsCommand["values"]): void {
  const element = m.nest(a.listElem);
  encodeData(m, a.element.key, key);
  if (values === "data") encodeData(m, a.element.data, value);
  else if (values === "verdict") encodeVerdict(m, a.element.data, verdicts.goto, value);
  m.unnest(element);
}

interface ListPart {
  readonly values: ElementsCommand["values"];
  readonly valueLength: number;
  /** The first to write. */
  readonly place: number;
  /** No more is written from this length of the message on. */
  readonly end: number;
}

/**
 * The elements that one stands for; returns the place behind the last one written. All but the first are copies of the one
 * before in which the number and the value are others: most of a start's messages is written so.
 */
function encodeList(
  m: MessageBuffer,
  { key, value }: SetElement,
  { values, valueLength, place, end }: ListPart,
): number {
  const start = m.length;
  encodeElement(m, keyBehind(key, place), value.slice(place * valueLength, (place + 1) * valueLength), values);
  const size = m.length - start;
  const number = readU32(key, 4);
  // Behind the key stand the headers of the data, and the value at the end.
  const keyEnd = values === "data" ? valueLength + 8 : 0;
  let next = place + 1;
  for (; next * valueLength < value.length && m.length < end; next++) {
    m.repeat(size);
    m.putU32(m.length - keyEnd - 4, number + next);
    if (values === "data") m.putLatin1(m.length - valueLength, value, next * valueLength, valueLength);
  }
  return next;
}
