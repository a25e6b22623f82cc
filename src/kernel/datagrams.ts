/**
 * UDP with many datagrams a system call (recvmmsg(2), sendmmsg(2)), for servers that answer each one.
 *
 *   slot i of `input`: a datagram    of `peers`: its sender's sockaddr    of `output`: the answer
 *   struct mmsghdr (64 bytes, 64-bit machines):
 *     name* | name size u32, pad | iovec* | iovecs | control* | control size | flags u32, pad | bytes u32, pad
 *   struct iovec (16 bytes): bytes* | size
 */
import { ipToBytes, parseIp } from "../net/ip.ts";
import {
  AF_INET,
  AF_INET6,
  addressOf,
  bind,
  close,
  receiveMany,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOCK_DGRAM,
  SOL_SOCKET,
  sendMany,
  sendTo,
  setSocketOption,
  socket,
} from "./ffi.ts";

const headerSize = 64;
const iovecSize = 16;
const nameSizeAt = 8;
const receivedAt = 56;
/** struct sockaddr_in6, the larger one. */
const peerSize = 28;

/** A bound UDP socket of the calling thread's network namespace, as a descriptor that Node's dgram can take over (`bind({ fd })`). */
export function openUdp(address: string, port: number, bufferBytes: number): number {
  const ip = parseIp(address);
  if (!ip) throw new RangeError(`Cannot listen on "${address}": it is no IP address`);
  const fd = socket(ip.family === "IPv4" ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
  try {
    setBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, bufferBytes);
    setBuffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, bufferBytes);
    bind(fd, socketAddress(ipToBytes(ip), port));
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** The forced form passes the system's limit, where it is allowed. */
function setBuffer(fd: number, forced: number, ordinary: number, size: number): void {
  try {
    setSocketOption(fd, SOL_SOCKET, forced, size);
  } catch {
    setSocketOption(fd, SOL_SOCKET, ordinary, size);
  }
}

/** struct sockaddr_in (16 bytes) or sockaddr_in6 (28): family in the host's order, port and address in network order. */
export function socketAddress(address: Uint8Array, port: number): Buffer {
  const isIpv4 = address.length === 4;
  const bytes = Buffer.alloc(isIpv4 ? 16 : peerSize);
  bytes.writeUInt16LE(isIpv4 ? AF_INET : AF_INET6, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(address, isIpv4 ? 4 : 8);
  return bytes;
}

export interface BatchOptions {
  /** Datagrams a call. */
  readonly count?: number;
  /** Longer datagrams are cut off. */
  readonly inputSize?: number;
  /** Longer answers are sent alone. */
  readonly outputSize?: number;
}

/** The memory of batches on one socket; the socket stays its owner's. */
export class DatagramBatch {
  readonly #fd: number;
  readonly #count: number;
  readonly #inputSize: number;
  readonly #outputSize: number;
  readonly #input: Buffer;
  readonly #output: Buffer;
  readonly #peers: Buffer;
  readonly #received: Buffer;
  readonly #toSend: Buffer;
  readonly #iovecs: Buffer;
  readonly #peersAddress: bigint;
  /** Slot of an answer → the datagram whose sender its header points to. */
  readonly #slotPeers: Uint16Array;
  #replies = 0;

  constructor(fd: number, { count = 64, inputSize = 2048, outputSize = 4096 }: BatchOptions = {}) {
    this.#fd = fd;
    this.#count = count;
    this.#inputSize = inputSize;
    this.#outputSize = outputSize;
    this.#input = Buffer.alloc(count * inputSize);
    this.#output = Buffer.alloc(count * outputSize);
    this.#peers = Buffer.alloc(count * peerSize);
    this.#received = Buffer.alloc(count * headerSize);
    this.#toSend = Buffer.alloc(count * headerSize);
    this.#iovecs = Buffer.alloc(2 * count * iovecSize);
    this.#peersAddress = addressOf(this.#peers);
    this.#slotPeers = Uint16Array.from({ length: count }, (_, i) => i);
    this.#point();
  }

  /** Writes the pointers, which stay; sizes change with each batch. */
  #point(): void {
    const [input, output, iovecs] = [addressOf(this.#input), addressOf(this.#output), addressOf(this.#iovecs)];
    for (let i = 0; i < this.#count; i++) {
      const out = this.#count + i;
      this.#iovecs.writeBigUInt64LE(input + BigInt(i * this.#inputSize), i * iovecSize);
      this.#iovecs.writeUInt32LE(this.#inputSize, i * iovecSize + 8);
      this.#iovecs.writeBigUInt64LE(output + BigInt(i * this.#outputSize), out * iovecSize);
      for (const [headers, iovec] of [
        [this.#received, i],
        [this.#toSend, out],
      ] as const) {
        const at = i * headerSize;
        headers.writeBigUInt64LE(this.#peersAddress + BigInt(i * peerSize), at);
        headers.writeBigUInt64LE(iovecs + BigInt(iovec * iovecSize), at + 16);
        headers.writeBigUInt64LE(1n, at + 24);
      }
    }
  }

  /** Receives the datagrams that are there now, at most a batch, and returns how many. */
  receive(): number {
    for (let i = 0; i < this.#count; i++) this.#received.writeUInt32LE(peerSize, i * headerSize + nameSizeAt);
    return receiveMany(this.#fd, this.#received, this.#count);
  }

  get capacity(): number {
    return this.#count;
  }

  /** Datagram `index`, a view until the next `receive`. */
  packet(index: number): Buffer {
    const start = index * this.#inputSize;
    return this.#input.subarray(start, start + this.#received.readUInt32LE(index * headerSize + receivedAt));
  }

  /** A copy of the address that datagram `index` came from, for `sendLater`. */
  peer(index: number): Buffer {
    const start = index * peerSize;
    return Buffer.from(this.#peers.subarray(start, start + this.#peerSizeOf(index)));
  }

  /** Queues the answer to datagram `index` for the next `flush`. */
  reply(index: number, bytes: Buffer): void {
    if (bytes.length > this.#outputSize) {
      this.sendLater(this.peer(index), bytes);
      return;
    }
    const slot = this.#replies++;
    bytes.copy(this.#output, slot * this.#outputSize);
    this.#iovecs.writeUInt32LE(bytes.length, (this.#count + slot) * iovecSize + 8);
    const at = slot * headerSize;
    // Where each datagram so far was answered, slot and index are the same and the pointer stands already.
    if (this.#slotPeers[slot] !== index) {
      this.#toSend.writeBigUInt64LE(this.#peersAddress + BigInt(index * peerSize), at);
      this.#slotPeers[slot] = index;
    }
    this.#toSend.writeUInt32LE(this.#peerSizeOf(index), at + nameSizeAt);
  }

  /** Sends the queued answers; one that the kernel refuses is lost, as any datagram may be. */
  flush(): void {
    let sent = 0;
    while (sent < this.#replies) {
      const headers = sent === 0 ? this.#toSend : this.#toSend.subarray(sent * headerSize);
      sent += sendMany(this.#fd, headers, this.#replies - sent) || 1;
    }
    this.#replies = 0;
  }

  /** Sends one datagram to an address that `peer` gave; a refused one is lost. */
  sendLater(peer: Buffer, bytes: Buffer): void {
    try {
      sendTo(this.#fd, bytes, peer);
    } catch {
      // The asker will ask again.
    }
  }

  #peerSizeOf(index: number): number {
    return Math.min(this.#received.readUInt32LE(index * headerSize + nameSizeAt), peerSize);
  }
}
