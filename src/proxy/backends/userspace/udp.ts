/** One UDP listener: each client address is a flow with a socket of its own to its endpoint. */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { endpointText } from "../../state.ts";
import type { Chooser } from "./choice.ts";
import type { Target } from "./model.ts";
import { plainAddress } from "./tcp.ts";

/** A flow in which nobody spoke for so long is over; as long as the kernel's for flows that were answered. */
const idleMs = 120_000;
/** The flow that was silent longest makes room. */
const maxFlows = 8_192;

/** Datagrams kept while a flow's socket is made. */
const maxEarly = 16;

interface Flow {
  readonly endpoint: string;
  readonly upstream: Socket;
  /** What waits for the socket; undefined when it is connected. */
  early: Buffer[] | undefined;
  lastMs: number;
}

export class UdpListener {
  readonly #chooser: Chooser;
  readonly #idleMs: number;
  #target: Target;
  #socket: Socket | undefined;
  #sweep: NodeJS.Timeout | undefined;
  readonly #flows = new Map<string, Flow>();

  constructor(target: Target, chooser: Chooser, options: { readonly idleMs?: number } = {}) {
    this.#target = target;
    this.#chooser = chooser;
    this.#idleMs = options.idleMs ?? idleMs;
  }

  /** Flows to endpoints that serve no more end; their clients' next datagrams go elsewhere. */
  retarget(target: Target): void {
    this.#target = target;
    for (const [client, flow] of this.#flows) if (!target.serving.has(flow.endpoint)) this.#end(client, flow);
  }

  /** Rejects with the error of node:dgram, e.g. EACCES, EADDRINUSE. */
  open(address: string, port: number): Promise<void> {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        socket.close();
        reject(error);
      };
      socket.once("error", fail);
      socket.bind({ address, port, exclusive: true }, () => {
        socket.removeListener("error", fail);
        socket.on("error", () => {});
        socket.on("message", (data, client) => this.#receive(data, client));
        this.#socket = socket;
        this.#sweep = setInterval(() => this.#endIdle(), this.#idleMs / 4).unref();
        resolve();
      });
    });
  }

  /** Ends the flows too: their answers must leave by the socket that closes here. Resolves when the address is free. */
  close(): Promise<void> {
    clearInterval(this.#sweep);
    this.cut();
    const socket = this.#socket;
    this.#socket = undefined;
    return socket ? new Promise((resolve) => socket.close(() => resolve())) : Promise.resolve();
  }

  get isBusy(): boolean {
    return false;
  }

  cut(): void {
    for (const [client, flow] of this.#flows) this.#end(client, flow);
  }

  #receive(data: Buffer, client: RemoteInfo): void {
    const key = `${client.address} ${client.port}`;
    const flow = this.#flows.get(key) ?? this.#begin(key, client);
    if (!flow) return;
    this.#touch(key, flow);
    if (!flow.early) flow.upstream.send(data, () => {});
    else if (flow.early.length < maxEarly) flow.early.push(data);
  }

  #begin(key: string, client: RemoteInfo): Flow | undefined {
    const address = plainAddress(client.address);
    const [endpoint] = this.#chooser.order(this.#target, address);
    if (!endpoint) return undefined;
    this.#chooser.remember(this.#target, address, endpoint);
    const upstream = createSocket(endpoint.ip.includes(":") ? "udp6" : "udp4");
    const flow: Flow = { endpoint: endpointText(endpoint), upstream, early: [], lastMs: performance.now() };
    upstream.on("message", (answer) => {
      this.#touch(key, flow);
      this.#socket?.send(answer, client.port, client.address, () => {});
    });
    // Refused: the client's next datagram begins anew, at another endpoint perhaps.
    upstream.on("error", () => this.#end(key, flow));
    upstream.on("connect", () => {
      for (const data of flow.early ?? []) upstream.send(data, () => {});
      flow.early = undefined;
    });
    // Connected, so that only the endpoint is heard, and its refusal too.
    upstream.connect(endpoint.port, endpoint.ip);
    this.#flows.set(key, flow);
    const [oldest] = this.#flows.size > maxFlows ? this.#flows : [];
    if (oldest) this.#end(...oldest);
    return flow;
  }

  /** Keeps the flows in the order of their last use. */
  #touch(key: string, flow: Flow): void {
    flow.lastMs = performance.now();
    if (this.#flows.get(key) !== flow) return;
    this.#flows.delete(key);
    this.#flows.set(key, flow);
  }

  #end(key: string, flow: Flow): void {
    if (this.#flows.get(key) !== flow) return;
    this.#flows.delete(key);
    flow.upstream.close();
  }

  #endIdle(): void {
    const before = performance.now() - this.#idleMs;
    for (const [key, flow] of this.#flows) {
      if (flow.lastMs > before) return;
      this.#end(key, flow);
    }
  }
}
