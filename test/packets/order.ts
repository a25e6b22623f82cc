/** What the lab says to an actor, and what comes back. */
import type { Protocol } from "../../src/proxy/state.ts";

/** Where to connect to, and how. */
export interface Target {
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
  /** Source address, where the host has several. */
  readonly local?: string;
  /** Source port. Default: another one each time. */
  readonly localPort?: number;
  /** UDP: the socket has no peer, so each datagram names its destination. */
  readonly unconnected?: true;
  /** UDP: so long are question and answer. */
  readonly bytes?: number;
}

export type Order =
  | { readonly do: "run"; readonly commands: readonly (readonly string[])[] }
  | { readonly do: "sysctl"; readonly values: Readonly<Record<string, string>> }
  | { readonly do: "serve"; readonly protocol: Protocol; readonly ports: readonly number[]; readonly name: string }
  /** `times` new connections, `abreast` of them at once. */
  | ({ readonly do: "ask"; readonly times: number; readonly abreast: number; readonly timeoutMs: number } & Target)
  /** Opens one connection or flow that later `held` orders ask on. */
  | ({ readonly do: "hold"; readonly key: string } & Target)
  /** Sends a segment of no connection. */
  | {
      readonly do: "stray";
      readonly host: string;
      readonly port: number;
      readonly local: string;
      readonly timeoutMs: number;
    }
  /** `bytes`: so many more go there first. */
  | { readonly do: "held"; readonly key: string; readonly timeoutMs: number; readonly bytes?: number };

export interface Answer {
  /** Who answered. */
  readonly name?: string;
  /** The client's address as the one who answered saw it. */
  readonly peer?: string;
  /** Of what is held, over TCP: the client's port, and as the one who answered saw it. */
  readonly localPort?: number;
  readonly peerPort?: number;
  /** Port that the one who answered listens on. */
  readonly port?: number;
  /** The address that the client saw the answer come from. */
  readonly from?: string;
  /** "refused", "silence" (time is over) or an error's code. */
  readonly failure?: string;
}

/** Equal answers are counted. */
export interface Tally {
  readonly answers?: readonly (Answer & { readonly count: number })[];
}
