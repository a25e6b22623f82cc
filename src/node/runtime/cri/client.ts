/** The calls of the Container Runtime Interface that are used, by name. */
import { GrpcChannel, GrpcError, grpcCodes, type Method } from "./channel.ts";
import { methods } from "./messages.ts";
import type { In, Message, Out } from "./protobuf.ts";

type Methods = typeof methods;
type Request<M> = M extends { request: Message<infer Q> } ? In<Q> : never;
type Answer<M> = M extends { answer: Message<infer A> } ? Out<A> : never;

const usualMs = 120_000;
/** As good as no end: when to stop waiting is the Pod's matter. */
export const patienceSec = 24 * 3600;

export class CriClient {
  readonly #channel: GrpcChannel;

  constructor(socket: string) {
    this.#channel = new GrpcChannel(socket);
  }

  call<K extends keyof Methods>(
    name: K,
    request: Request<Methods[K]>,
    timeoutMs = usualMs,
  ): Promise<Answer<Methods[K]>> {
    const method = methods[name] as unknown as Method<object, object>;
    return this.#channel.call(method, request, timeoutMs) as Promise<Answer<Methods[K]>>;
  }

  close(): void {
    this.#channel.close();
  }
}

/** What is gone already needs no removal. */
export const isGone = (error: unknown): boolean => error instanceof GrpcError && error.code === grpcCodes.notFound;
