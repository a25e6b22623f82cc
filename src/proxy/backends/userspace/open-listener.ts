/** Opens one listener, at another port where the Service's own is for root only. */
import type { Chooser } from "./choice.ts";
import type { Listener } from "./model.ts";
import { TcpListener } from "./tcp.ts";
import { UdpListener } from "./udp.ts";

export interface OpenListener {
  listener: Listener;
  readonly listenPort: number;
  readonly socket: TcpListener | UdpListener;
}

/** 80 → 8080, 443 → 8443: what people expect. The others are for when that is taken on the same address. */
const offsets: readonly number[] = [8_000, 9_000, 10_000, 20_000, 30_000, 40_000];

export interface OpenOptions {
  readonly chooser: Chooser;
  /** True for a port that a Service on the same address has for itself. */
  readonly isTaken: (listener: Listener, port: number) => boolean;
}

/** The ports to try, in order. Pure. */
export function portsFor(listener: Listener, isTaken: OpenOptions["isTaken"]): readonly number[] {
  const { port, vip } = listener;
  // A node port is known by its number: another one would help nobody.
  if (vip === undefined || port >= 1024) return [port];
  return [port, ...offsets.map((offset) => port + offset).filter((other) => !isTaken(listener, other))];
}

/** Undefined when no port can be had: somebody else listens there. */
export async function openListener(
  listener: Listener,
  { chooser, isTaken }: OpenOptions,
): Promise<OpenListener | undefined> {
  for (const listenPort of portsFor(listener, isTaken)) {
    const { target } = listener;
    const socket = listener.protocol === "TCP" ? new TcpListener(target, chooser) : new UdpListener(target, chooser);
    try {
      await socket.open(listener.address, listenPort);
      return { listener, listenPort, socket };
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code !== "EACCES" && code !== "EADDRINUSE") return undefined;
    }
  }
  return undefined;
}
