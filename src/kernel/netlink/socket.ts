/** A netlink socket: requests with acknowledgements, and dumps. All calls block the thread for as long as the kernel works: microseconds. */
import { close } from "node:fs";
import { constants } from "node:os";
import {
  AF_NETLINK,
  bind,
  hasCode,
  receive,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_RCVTIMEO,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOCK_RAW,
  SOL_SOCKET,
  SystemError,
  sendTo,
  sendToInBackground,
  setSocketOption,
  socket,
} from "../ffi.ts";
import { readAttributes, readString } from "./attributes.ts";
import { align4, type MessageBuffer, NLMSG_HEADER_SIZE } from "./message.ts";

export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;

const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_DUMP_INTR = 0x10;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;

const maxDumpRetries = 8;
const defaultTimeoutMs = 10_000;
/** The kernel writes a message of a dump into at most 32 KiB; acknowledgements are small. */
const receiveBufferSize = 1 << 17;

/** A message as it came: `body` begins behind the netlink header and is a private copy. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Buffer;
}

/** The kernel refused the message with this sequence number. */
export interface Refusal {
  readonly sequence: number;
  readonly errno: number;
  /** The kernel's own words (extended acknowledgement), when it gave some. */
  readonly text: string | undefined;
}

export interface Answers {
  readonly refusals: readonly Refusal[];
  /** Messages that are no acknowledgement: echoes (NLM_F_ECHO) and results of get requests. */
  readonly messages: readonly Message[];
}

interface Dump {
  readonly messages: readonly Message[];
  /** What is listed changed meanwhile: something may be missing, or there twice. */
  readonly interrupted: boolean;
}

interface DumpOptions {
  /** Where changes never end, what the last reading saw is better than nothing. */
  readonly partial?: boolean;
}

/** A dump that changes interrupted is done again, some times. */
export function wholeDump(read: () => Dump, action: string, { partial = false }: DumpOptions = {}): readonly Message[] {
  for (let attempt = 1; ; attempt++) {
    const { messages, interrupted } = read();
    if (!interrupted) return messages;
    if (attempt < maxDumpRetries) continue;
    if (partial) return messages;
    throw new SystemError("netlink", constants.errno.EINTR, action, "it changed all the time");
  }
}

export class NetlinkSocket {
  readonly #fd: number;
  readonly #kernel: Buffer = netlinkAddress();
  readonly #received: Buffer = Buffer.allocUnsafe(receiveBufferSize);
  #sendBufferSize = 0;
  #closed = false;

  /** Opens a socket in the network namespace that the thread is in now; it stays of that namespace. */
  constructor(protocol: number, options: { timeoutMs?: number; receiveBufferSize?: number } = {}) {
    const { timeoutMs = defaultTimeoutMs, receiveBufferSize: kernelBuffer = 1 << 21 } = options;
    this.#fd = socket(AF_NETLINK, SOCK_RAW, protocol);
    try {
      bind(this.#fd, this.#kernel);
      setSocketOption(this.#fd, SOL_SOCKET, SO_RCVTIMEO, timeval(timeoutMs));
      this.#setBuffer(SO_RCVBUFFORCE, SO_RCVBUF, kernelBuffer);
      for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK]) setSocketOption(this.#fd, SOL_NETLINK, option, 1);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Sends all messages of `request` at once and waits until the last one that asked for an acknowledgement has it.
   * The kernel goes on behind a refused message (rtnetlink) or undoes the whole batch (nf_tables): all refusals are returned.
   */
  transact(request: MessageBuffer): Answers {
    this.#send(request.bytes());
    return this.#answersTo(request);
  }

  /** As `transact`, but the kernel's work at it blocks no thread of ours. Nothing else may be asked meanwhile. */
  async transactInBackground(request: MessageBuffer): Promise<Answers> {
    const bytes = request.bytes();
    this.#makeRoom(bytes.length);
    await sendToInBackground(this.#fd, bytes, this.#kernel);
    if (this.#closed) throw new Error("Cannot hear the kernel's answer: the netlink socket is closed");
    return this.#answersTo(request);
  }

  #answersTo(request: MessageBuffer): Answers {
    const { ackSequences } = request;
    const last = ackSequences.at(-1);
    const first = request.bytes().readUInt32LE(8);
    const refusals: Refusal[] = [];
    const messages: Message[] = [];
    let finished = last === undefined;
    while (!finished) {
      for (const message of this.#receive()) {
        const offset = (message.sequence - first + 0x80000000) % 0x80000000;
        if (offset >= request.count) continue; // an answer of an older request that timed out
        if (message.type !== NLMSG_ERROR) {
          messages.push(copied(message));
          continue;
        }
        const refusal = readRefusal(message);
        if (refusal) refusals.push(refusal);
        // A refusal of a message that wanted no acknowledgement, the first, is of the whole batch: nothing follows.
        if (message.sequence === last || (refusal && offset === 0 && !ackSequences.includes(first))) finished = true;
      }
    }
    return { refusals, messages };
  }

  /** As `transact`, but throws the first refusal as SystemError; `action` completes "Cannot …". */
  run(request: MessageBuffer, action: string): readonly Message[] {
    const { refusals, messages } = this.transact(request);
    const [refusal] = refusals;
    if (refusal) throw new SystemError("netlink", refusal.errno, action, refusal.text);
    return messages;
  }

  /** Sends one message with NLM_F_DUMP and returns all parts of the answer, see `wholeDump`. */
  dump(request: MessageBuffer, action: string, options: DumpOptions = {}): readonly Message[] {
    return wholeDump(() => this.#dumpOnce(request, action), action, options);
  }

  /** In the background: nf_tables first finishes what it deletes, which takes up to 30 ms. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    close(this.#fd, () => {});
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #dumpOnce(request: MessageBuffer, action: string): Dump {
    const sequence = request.bytes().readUInt32LE(8);
    this.#send(request.bytes());
    const messages: Message[] = [];
    let interrupted = false;
    for (;;) {
      for (const message of this.#receive()) {
        if (message.sequence !== sequence) continue;
        if (message.flags & NLM_F_DUMP_INTR) interrupted = true;
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
          const refusal = readRefusal(message);
          if (refusal) throw new SystemError("netlink", refusal.errno, action, refusal.text);
          return { messages, interrupted };
        }
        messages.push(copied(message));
      }
    }
  }

  #send(bytes: Buffer): void {
    this.#makeRoom(bytes.length);
    sendTo(this.#fd, bytes, this.#kernel);
  }

  #makeRoom(length: number): void {
    // Its number may be another file's by now.
    if (this.#closed) throw new Error("Cannot ask the kernel: the netlink socket is closed");
    if (length <= this.#sendBufferSize) return;
    this.#sendBufferSize = length + 65_536;
    this.#setBuffer(SO_SNDBUFFORCE, SO_SNDBUF, this.#sendBufferSize);
  }

  /** The messages of one datagram, as views of the receive buffer. */
  #receive(): Message[] {
    const length = Math.min(this.#receiveBytes(), this.#received.length);
    const messages: Message[] = [];
    for (let at = 0; at + NLMSG_HEADER_SIZE <= length; ) {
      const size = this.#received.readUInt32LE(at);
      if (size < NLMSG_HEADER_SIZE || at + size > length) break;
      messages.push({
        type: this.#received.readUInt16LE(at + 4),
        flags: this.#received.readUInt16LE(at + 6),
        sequence: this.#received.readUInt32LE(at + 8),
        body: this.#received.subarray(at + NLMSG_HEADER_SIZE, at + size),
      });
      at += align4(size);
    }
    return messages;
  }

  #receiveBytes(): number {
    try {
      return receive(this.#fd, this.#received);
    } catch (error) {
      if (hasCode(error, "EAGAIN")) throw new SystemError("recv", 110, "get an answer of the kernel in time");
      throw error;
    }
  }

  /** The forced form passes the system's limit but needs CAP_NET_ADMIN in the first user namespace. */
  #setBuffer(forced: number, ordinary: number, size: number): void {
    try {
      setSocketOption(this.#fd, SOL_SOCKET, forced, size);
    } catch (error) {
      if (!hasCode(error, "EPERM")) throw error;
      setSocketOption(this.#fd, SOL_SOCKET, ordinary, size);
    }
  }
}

function copied(message: Message): Message {
  return { ...message, body: Buffer.from(message.body) };
}

/** Undefined for an acknowledgement (error 0). */
function readRefusal({ body, flags, sequence }: Message): Refusal | undefined {
  if (body.length < 4) return undefined;
  const errno = -body.readInt32LE(0);
  if (errno <= 0) return undefined;
  return { sequence, errno, text: flags & NLM_F_ACK_TLVS ? readText(body, flags) : undefined };
}

/** Behind the error stands the refused message, or only its header (NLM_F_CAPPED); of a dump's end, nothing. */
function readText(body: Buffer, flags: number): string | undefined {
  const errorSize =
    4 + (flags & NLM_F_CAPPED ? NLMSG_HEADER_SIZE : align4(body.length >= 8 ? body.readUInt32LE(4) : 0));
  const text = readAttributes(body, errorSize).get(NLMSGERR_ATTR_MSG);
  return text && readString(text);
}

/** struct sockaddr_nl with port 0: the kernel as a peer, "any" for bind. */
function netlinkAddress(): Buffer {
  const address = Buffer.alloc(12);
  address.writeUInt16LE(AF_NETLINK, 0);
  return address;
}

function timeval(ms: number): Buffer {
  const value = Buffer.alloc(16);
  value.writeBigInt64LE(BigInt(Math.floor(ms / 1000)), 0);
  value.writeBigInt64LE(BigInt(ms % 1000) * 1000n, 8);
  return value;
}
