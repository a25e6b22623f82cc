/** IPVS of the kernel, over generic netlink, in the network namespace that the thread was in when it was opened. */
import { hasCode, SystemError } from "../ffi.ts";
import { readAttributes } from "../netlink/attributes.ts";
import { MessageBuffer, NLM_F_ACK, NLM_F_DUMP } from "../netlink/message.ts";
import { NetlinkSocket } from "../netlink/socket.ts";
import { attributes as a, commands, controller, family, NETLINK_GENERIC } from "./constants.ts";
import {
  beginGeneric,
  decodeServer,
  decodeService,
  encodeCommand,
  encodeService,
  genericHeaderSize,
} from "./encode.ts";
import type {
  Ipvs,
  IpvsCommand,
  IpvsRefusal,
  IpvsTimeouts,
  ObservedServer,
  ServiceKey,
  VirtualService,
} from "./port.ts";

/** Acknowledgements of so many commands fit into the socket's receive buffer. */
const commandsAtOnce = 500;

/** Undefined when the kernel has IPVS (its module is loaded by the question, where that is allowed), else why not. */
export function ipvsFault(): string | undefined {
  try {
    openIpvs().close();
    return undefined;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "the kernel has no IPVS: its module ip_vs is missing or not loaded";
    return `the kernel's IPVS cannot be asked: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Throws SystemError ENOENT where the kernel has no IPVS. */
export function openIpvs(): Ipvs {
  const socket = new NetlinkSocket(NETLINK_GENERIC, { timeoutMs: 60_000 });
  try {
    return new LinuxIpvs(socket, familyNumber(socket));
  } catch (error) {
    socket.close();
    throw error;
  }
}

function familyNumber(socket: NetlinkSocket): number {
  const message = new MessageBuffer(64);
  message.begin(controller.type, NLM_F_ACK);
  message.u8(controller.getFamily).u8(controller.version).u16(0);
  message.attrString(controller.familyName, family.name).end();
  const [answer] = socket.run(message, "find IPVS in the kernel");
  const number = answer && readAttributes(answer.body, genericHeaderSize).get(controller.familyId)?.readUInt16LE(0);
  if (!number) throw new SystemError("netlink", 2, "find IPVS in the kernel");
  return number;
}

class LinuxIpvs implements Ipvs {
  readonly #socket: NetlinkSocket;
  readonly #type: number;

  constructor(socket: NetlinkSocket, type: number) {
    this.#socket = socket;
    this.#type = type;
  }

  services(): readonly VirtualService[] {
    const request = new MessageBuffer(64);
    beginGeneric(request, this.#type, NLM_F_DUMP, commands.getService);
    const messages = this.#socket.dump(request.end(), "list IPVS services");
    return messages.map(({ body }) => decodeService(body)).filter((service) => service !== undefined);
  }

  servers(key: ServiceKey): readonly ObservedServer[] | undefined {
    if (!this.#exists(key)) return undefined;
    const request = new MessageBuffer(128);
    beginGeneric(request, this.#type, NLM_F_DUMP, commands.getServer);
    encodeService(request, key);
    const messages = this.#socket.dump(request.end(), "list the servers of an IPVS service");
    return messages.map(({ body }) => decodeServer(body, key.family)).filter((server) => server !== undefined);
  }

  run(all: readonly IpvsCommand[]): readonly IpvsRefusal[] {
    const refused: IpvsRefusal[] = [];
    for (let at = 0; at < all.length; at += commandsAtOnce) {
      refused.push(...this.#runTogether(all.slice(at, at + commandsAtOnce)));
    }
    return refused;
  }

  setTimeouts({ tcpSec, tcpFinSec, udpSec }: IpvsTimeouts): void {
    if (tcpSec + tcpFinSec + udpSec === 0) return;
    const request = new MessageBuffer(64);
    beginGeneric(request, this.#type, NLM_F_ACK, commands.setConfig);
    request.attrU32(a.timeoutTcp, tcpSec).attrU32(a.timeoutTcpFin, tcpFinSec).attrU32(a.timeoutUdp, udpSec);
    this.#socket.run(request.end(), "set the time-outs of IPVS");
  }

  close(): void {
    this.#socket.close();
  }

  /** A dump of the servers of no service is empty, not refused. */
  #exists(key: ServiceKey): boolean {
    const request = new MessageBuffer(128);
    beginGeneric(request, this.#type, NLM_F_ACK, commands.getService);
    encodeService(request, key);
    try {
      this.#socket.run(request.end(), "read an IPVS service");
      return true;
    } catch (error) {
      if (hasCode(error, "ESRCH")) return false;
      throw error;
    }
  }

  #runTogether(some: readonly IpvsCommand[]): IpvsRefusal[] {
    if (some.length === 0) return [];
    const request = new MessageBuffer(some.length * 160);
    for (const command of some) encodeCommand(request, this.#type, command);
    const bySequence = new Map(request.ackSequences.map((sequence, index) => [sequence, some[index]]));
    return this.#socket.transact(request).refusals.flatMap(({ sequence, errno, text }) => {
      const command = bySequence.get(sequence);
      return command ? [{ command, code: new SystemError("netlink", errno, "", text).code }] : [];
    });
  }
}
