/** What the plane listens on, as plain data. */
import type { Cidr } from "../../../net/cidr.ts";
import type { Endpoint } from "../../state.ts";
import type { Settings } from "../port.ts";

/** Whom a listener sends its clients to. */
export interface Target {
  /** The Service port's name; clients are remembered by it, whatever address they use. */
  readonly name: string;
  readonly service: string;
  readonly affinitySec: number;
  /** For Pods and processes of this node. */
  readonly near: readonly Endpoint[];
  /** For everybody else; empty: they are reset. */
  readonly far: readonly Endpoint[];
  /** Clients that may come; empty: all. */
  readonly ranges: readonly Cidr[];
  /** "ip:port" of all endpoints that serve: UDP flows to others end. */
  readonly serving: ReadonlySet<string>;
}

export interface Listener {
  readonly protocol: "TCP" | "UDP";
  readonly address: string;
  readonly port: number;
  /** The Service's address that it stands for; undefined for a node port. */
  readonly vip: string | undefined;
  readonly target: Target;
}

/** What rendering must know besides the Service. */
export interface Context {
  readonly settings: Settings;
  /** All addresses of this machine's interfaces, in canonical text. */
  readonly own: ReadonlySet<string>;
  /** The loopback address for a clusterIP. */
  readonly loopbackOf: (vip: string) => string;
  /** Node ports without `nodePortCidrs`: on 127.0.0.1 only, or on all of the machine's addresses. */
  readonly nodePorts: "loopback" | "all";
}

/** e.g. "TCP 127.57.18.203 80". */
export const listenerKey = ({ protocol, address, port }: Listener): string => `${protocol} ${address} ${port}`;
