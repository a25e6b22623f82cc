/**
 * IPVS as data: virtual services with their real servers, and the link that makes addresses local.
 * `linux.ts` and `link.ts` speak netlink, `fake.ts` is memory with the same rules; `conformance.ts` holds both to them.
 */
import type { IpFamily } from "../../net/ip.ts";

/** What a virtual service is known by: an address with a port, or a mark that packets carry. */
export type ServiceKey =
  | {
      readonly kind: "address";
      readonly family: IpFamily;
      readonly protocol: "TCP" | "UDP" | "SCTP";
      /** Canonical text. */
      readonly address: string;
      readonly port: number;
    }
  | {
      readonly kind: "mark";
      readonly family: IpFamily;
      /** 1 to 0xffffffff: the whole mark of the packet. */
      readonly mark: number;
    };

/** How a virtual service chooses, e.g. `{ scheduler: "rr", flags: 0, persistenceSec: 0 }`. */
export interface ServiceSettings {
  /** The kernel's name of a scheduler, e.g. "wlc". */
  readonly scheduler: string;
  /** Bits of the scheduler's own, see `schedulerFlags`. */
  readonly flags: number;
  /** Seconds a client stays with its server; 0: each connection is scheduled. */
  readonly persistenceSec: number;
}

export interface VirtualService extends ServiceSettings {
  readonly key: ServiceKey;
}

export interface ServerKey {
  readonly address: string;
  readonly port: number;
}

/** A real server; packets reach it with their destination rewritten ("masquerading" in IPVS's words). */
export interface RealServer extends ServerKey {
  /** 0: no new connections. */
  readonly weight: number;
}

export interface ObservedServer extends RealServer {
  /** Connections that the kernel knows, those that end among them. */
  readonly connections: number;
}

export type IpvsCommand =
  | { readonly op: "add-service" | "set-service"; readonly key: ServiceKey; readonly settings: ServiceSettings }
  /** With its servers. */
  | { readonly op: "delete-service"; readonly key: ServiceKey }
  | { readonly op: "add-server" | "set-server"; readonly key: ServiceKey; readonly server: RealServer }
  | { readonly op: "delete-server"; readonly key: ServiceKey; readonly server: ServerKey };

export interface IpvsRefusal {
  readonly command: IpvsCommand;
  /** e.g. "EEXIST" (add), "ESRCH" (no such service), "ENOENT" (no such server or scheduler). */
  readonly code: string;
}

/** Seconds; 0 leaves the kernel's value. */
export interface IpvsTimeouts {
  readonly tcpSec: number;
  readonly tcpFinSec: number;
  readonly udpSec: number;
}

export interface Ipvs {
  /** Everybody's. */
  services(): readonly VirtualService[];
  /** Undefined when there is no such service. */
  servers(key: ServiceKey): readonly ObservedServer[] | undefined;
  /** Each command alone, in order; returns those that the kernel refused: all others hold. */
  run(commands: readonly IpvsCommand[]): readonly IpvsRefusal[];
  setTimeouts(timeouts: IpvsTimeouts): void;
  close(): void;
}

/** The link whose addresses are this host's, so that their packets come to IPVS. */
export interface VipLink {
  /** Addresses of the link (none if there is no such link), and those of all other links, as canonical texts. */
  read(): { readonly bound: readonly string[]; readonly others: readonly string[] };
  /** Makes the link if there is none; an address that is there already is no fault. */
  bind(addresses: readonly string[]): void;
  unbind(addresses: readonly string[]): void;
  /** Takes the link away, if there is one. */
  remove(): void;
  close(): void;
}

/** "a server that takes no more is passed over" of the schedulers that hash; without it its clients would be refused (ip_vs.h, IP_VS_SVC_F_SCHED1). */
const fallbackFlag = 0x8;

export function schedulerFlags(scheduler: string): number {
  return scheduler === "sh" || scheduler === "mh" ? fallbackFlag : 0;
}

/** e.g. "TCP 10.96.0.10:80", "mark 0xf1000001 IPv4". */
export function serviceKeyText(key: ServiceKey): string {
  if (key.kind === "mark") return `mark 0x${key.mark.toString(16)} ${key.family}`;
  const host = key.address.includes(":") ? `[${key.address}]` : key.address;
  return `${key.protocol} ${host}:${key.port}`;
}

/** e.g. "10.244.0.11:8080". */
export function serverText({ address, port }: ServerKey): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
