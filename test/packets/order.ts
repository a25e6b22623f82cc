/** What the lab says to an actor, and what comes back. */
export type Order =
  | { readonly do: "run"; readonly commands: readonly (readonly string[])[] }
  | { readonly do: "sysctl"; readonly values: Readonly<Record<string, string>> }
  | { readonly do: "serve"; readonly protocol: "TCP" | "UDP"; readonly port: number; readonly name: string }
  | {
      readonly do: "ask";
      readonly protocol: "TCP" | "UDP";
      readonly host: string;
      readonly port: number;
      /** Source address. */
      readonly local?: string;
      readonly timeoutMs: number;
    }
  | { readonly do: "hold"; readonly host: string; readonly port: number; readonly local?: string }
  | { readonly do: "held"; readonly timeoutMs: number };

/** Of an ask: who answered and whose address it saw, or why nobody did. */
export interface Answer {
  readonly name?: string;
  readonly peer?: string;
  /** "refused", "silence" (time is over) or an error's code. */
  readonly failure?: string;
}
