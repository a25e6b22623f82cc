/** nf_tables of the kernel, over netlink, in the network namespace that the thread was in when it was opened. */
import { constants } from "node:os";
import { hasCode } from "../ffi.ts";
import { eachAttribute, readAttributes, readString } from "../netlink/attributes.ts";
import { MessageBuffer, NLM_F_ACK, NLM_F_DUMP } from "../netlink/message.ts";
import { type Message, NETLINK_NETFILTER, NetlinkSocket, type Refusal } from "../netlink/socket.ts";
import { attributes as a, families, messages } from "./constants.ts";
import { type Batch, beginMessage, encodeBatch } from "./encode.ts";
import { type Command, type Nftables, type SetElement, type Table, TransactionError } from "./port.ts";

const errorNames = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));
/** struct nfgenmsg at the head of each message's body. */
const headerSize = 4;
/** The kernel works for up to a second on a first load of 10,000 Services, more on a busy machine. */
const timeoutMs = 60_000;

export function openNftables(): Nftables {
  return new LinuxNftables();
}

class LinuxNftables implements Nftables {
  readonly #socket = new NetlinkSocket(NETLINK_NETFILTER, { timeoutMs });

  commit(commands: readonly Command[]): void {
    if (commands.length === 0) return;
    const encoded = encodeBatch(commands);
    check(encoded, this.#transact(encoded.batch));
  }

  async commitInBackground(commands: readonly Command[]): Promise<void> {
    if (commands.length === 0) return;
    const encoded = encodeBatch(commands);
    check(encoded, (await this.#socket.transactInBackground(encoded.batch)).refusals);
  }

  #transact(batch: MessageBuffer): readonly Refusal[] {
    try {
      return this.#socket.transact(batch).refusals;
    } catch (error) {
      // The batch is larger than the send buffer, which only root may widen.
      if (hasCode(error, "EMSGSIZE")) throw new TransactionError("EMSGSIZE", undefined, "the message is too long");
      throw error;
    }
  }

  chains(table: Table): ReadonlySet<string> | undefined {
    // The kernel lists the chains of all tables of the family.
    return this.#names(table, messages.getChain, a.chain.name);
  }

  sets(table: Table): ReadonlySet<string> | undefined {
    return this.#names(table, messages.getSet, a.set.name);
  }

  elements(table: Table, set: string): readonly SetElement[] {
    const request = new MessageBuffer();
    beginMessage(request, messages.getSetElem, NLM_F_DUMP, families[table.family]);
    request.attrString(a.elementList.table, table.name).attrString(a.elementList.set, set).end();
    const found: SetElement[] = [];
    for (const message of this.#socket.dump(request, `read set ${set} of table ${table.name}`)) {
      readElements(message, found);
    }
    return found;
  }

  generation(): number {
    const request = new MessageBuffer();
    beginMessage(request, messages.getGen, NLM_F_ACK);
    request.end();
    const [answer] = this.#socket.run(request, "read the generation of nf_tables");
    return answer ? (readAttributes(answer.body, headerSize).get(a.generation.id)?.readUInt32BE(0) ?? 0) : 0;
  }

  close(): void {
    this.#socket.close();
  }

  /** Every chain and set carries its table's name in attribute 1. */
  #names(table: Table, message: number, nameType: number): Set<string> | undefined {
    if (!this.#exists(table)) return undefined;
    const request = new MessageBuffer();
    beginMessage(request, message, NLM_F_DUMP, families[table.family]);
    request.attrString(a.chain.table, table.name).end();
    const names = new Set<string>();
    for (const { body } of this.#socket.dump(request, `list table ${table.name}`)) {
      const found = readAttributes(body, headerSize);
      const name = found.get(nameType);
      const owner = found.get(a.chain.table);
      if (name && owner && readString(owner) === table.name) names.add(readString(name));
    }
    return names;
  }

  #exists(table: Table): boolean {
    const request = new MessageBuffer();
    beginMessage(request, messages.getTable, NLM_F_ACK, families[table.family]);
    request.attrString(a.table.name, table.name).end();
    return this.#socket.transact(request).refusals.length === 0;
  }
}

function check({ commandOf }: Batch, [refusal]: readonly Refusal[]): void {
  if (!refusal) return;
  const code = errorNames.get(refusal.errno) ?? `E${refusal.errno}`;
  throw new TransactionError(code, commandOf.get(refusal.sequence), refusal.text);
}

function readElements({ body }: Message, into: SetElement[]): void {
  const list = readAttributes(body, headerSize).get(a.elementList.elements);
  if (!list) return;
  eachAttribute(list, { start: 0, end: list.length }, (_type, offset, size) => {
    const fields = readAttributes(list.subarray(offset, offset + size));
    if (fields.has(a.element.timeout)) return;
    const key = fields.get(a.element.key);
    const data = fields.get(a.element.data);
    if (key) into.push({ key: readData(key), value: data ? readData(data) : "" });
  });
}

/** A value's bytes, or the chain that a verdict goes to. */
function readData(data: Buffer): string {
  const parts = readAttributes(data);
  const value = parts.get(a.data.value);
  if (value) return value.toString("latin1");
  const verdict = parts.get(a.data.verdict);
  const chain = verdict && readAttributes(verdict).get(a.verdict.chain);
  return chain ? readString(chain) : "";
}
