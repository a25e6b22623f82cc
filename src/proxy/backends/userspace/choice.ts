/** Which endpoint a client gets: the one it had, else one by chance; the others in turn when that one does not answer. */
import { cidrContains } from "../../../net/cidr.ts";
import { parseIp } from "../../../net/ip.ts";
import { type Endpoint, endpointText } from "../../state.ts";
import type { Context, Target } from "./model.ts";
import { isLoopback } from "./render.ts";

/** Clients remembered for one Service port; the one that was away longest is forgotten first. */
const maxClients = 65_536;

export interface Chooser {
  /** The endpoints in the order in which to try them; none: the client is not served. */
  order(target: Target, client: string): readonly Endpoint[];
  /** The client goes to this endpoint now. */
  remember(target: Target, client: string, endpoint: Endpoint): void;
  /** Forgets the clients of a Service port that is gone, or of endpoints that it has no more. */
  retain(port: string, endpoints: ReadonlySet<string> | undefined): void;
}

export interface ChooserOptions {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  readonly context: () => Pick<Context, "settings" | "own">;
}

interface Remembered {
  readonly endpoint: string;
  readonly untilMs: number;
}

export function createChooser({ random, now, context }: ChooserOptions): Chooser {
  const clientsByPort = new Map<string, Map<string, Remembered>>();
  return {
    order(target, client) {
      if (!isAdmitted(target, client)) return [];
      const shuffled = shuffle(isNear(client, context()) ? target.near : target.far, random);
      const known = target.affinitySec > 0 ? clientsByPort.get(target.name)?.get(client) : undefined;
      if (known === undefined || known.untilMs <= now()) return shuffled;
      const first = shuffled.filter((endpoint) => endpointText(endpoint) === known.endpoint);
      return [...first, ...shuffled.filter((endpoint) => !first.includes(endpoint))];
    },
    remember(target, client, endpoint) {
      if (target.affinitySec === 0) return;
      let clients = clientsByPort.get(target.name);
      if (!clients) {
        clients = new Map();
        clientsByPort.set(target.name, clients);
      }
      // Maps keep the order of insertion: the oldest is first.
      clients.delete(client);
      clients.set(client, { endpoint: endpointText(endpoint), untilMs: now() + target.affinitySec * 1000 });
      const [oldest] = clients.size > maxClients ? clients.keys() : [];
      if (oldest !== undefined) clients.delete(oldest);
    },
    retain(port, endpoints) {
      if (!endpoints) {
        clientsByPort.delete(port);
        return;
      }
      const clients = clientsByPort.get(port);
      for (const [client, { endpoint }] of clients ?? []) if (!endpoints.has(endpoint)) clients?.delete(client);
    },
  };
}

function isAdmitted({ ranges }: Target, client: string): boolean {
  const ip = parseIp(client);
  return ranges.length === 0 || (ip !== undefined && ranges.some((range) => cidrContains(range, ip)));
}

/** A Pod's address, or one of this machine. */
function isNear(client: string, { settings, own }: Pick<Context, "settings" | "own">): boolean {
  if (isLoopback(client) || own.has(client)) return true;
  const ip = parseIp(client);
  return ip !== undefined && settings.podCidrs.some((cidr) => cidrContains(cidr, ip));
}

/** Fisher and Yates: every order is as likely as every other. */
function shuffle<T>(items: readonly T[], random: () => number): T[] {
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const [a, b] = [copy[i], copy[j]];
    if (a !== undefined && b !== undefined) [copy[i], copy[j]] = [b, a];
  }
  return copy;
}
