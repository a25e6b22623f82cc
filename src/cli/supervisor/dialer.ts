/** Sockets in the cluster's underlay, which this process cannot enter: an agent opens them, and what it handed over outlives it. */
import type dgram from "node:dgram";
import type net from "node:net";
import type { Destination, FromSupervisor } from "./messages.ts";
import type { Supervised } from "./supervised.ts";

export type Upstream = net.Socket | dgram.Socket;

/** As long as an agent that was killed takes to be back, and more. */
const timeoutMs = 10_000;
/** Before another agent is asked, or the same again: one that was killed does not answer. */
const againMs = 1_000;

export interface Dialer {
  /** Resolves to undefined when nobody could be reached. */
  dial(destination: Destination): Promise<Upstream | undefined>;
  /** An agent's answer. */
  dialed(answer: { readonly id: number; readonly failure?: string }, handle: unknown): void;
}

interface Call {
  readonly destination: Destination;
  readonly endAt: number;
  readonly resolve: (upstream: Upstream | undefined) => void;
  timer?: NodeJS.Timeout;
}

export function createDialer(agents: () => readonly Supervised[]): Dialer {
  const calls = new Map<number, Call>();
  let lastId = 0;
  let turn = 0;

  const ask = (call: Call): void => {
    if (Date.now() >= call.endAt) {
      call.resolve(undefined);
      return;
    }
    const id = ++lastId;
    calls.set(id, call);
    const all = agents();
    const message: FromSupervisor = { type: "dial", id, ...call.destination };
    all[turn++ % all.length]?.send(message);
    call.timer = setTimeout(() => {
      calls.delete(id);
      ask(call);
    }, againMs);
  };

  return {
    dial: (destination) => new Promise((resolve) => ask({ destination, endAt: Date.now() + timeoutMs, resolve })),
    dialed({ id, failure }, handle) {
      const call = calls.get(id);
      const upstream = handle as Upstream | undefined;
      if (!call) return close(upstream);
      calls.delete(id);
      clearTimeout(call.timer);
      call.resolve(failure === undefined ? upstream : undefined);
    },
  };
}

function close(upstream: Upstream | undefined): void {
  if (upstream && "destroy" in upstream) upstream.destroy();
  else upstream?.close();
}
