/** What a verb answers, before it has the form that the client asked for. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Kind } from "../api/kind.ts";

export type Reply = (
  | { readonly type: "object"; readonly kind: Kind; readonly value: Buffer }
  | {
      readonly type: "list";
      readonly kind: Kind;
      readonly values: readonly Buffer[];
      readonly revision: number;
      readonly continue?: string | undefined;
      readonly remaining?: number | undefined;
    }
  /** An answer that is no stored object: a Status, a Scale, … */
  | { readonly type: "json"; readonly body: unknown }
  /** Writes the whole answer itself; it is told when the connection is gone by the response's event "close". */
  | {
      readonly type: "stream";
      readonly run: (response: ServerResponse, request: IncomingMessage) => void | Promise<void>;
    }
) & {
  /** Default 200. */
  readonly code?: number;
  /** Texts for `Warning` headers. */
  readonly warnings?: readonly string[];
};
