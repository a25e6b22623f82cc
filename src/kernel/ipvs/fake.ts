/** IPVS and its link in memory: existence, references and error codes as the kernel has them; packets do not pass through. */
import {
  type Ipvs,
  type IpvsCommand,
  type IpvsRefusal,
  type RealServer,
  type ServiceKey,
  type ServiceSettings,
  serverText,
  serviceKeyText,
  type VipLink,
} from "./port.ts";

/** Schedulers of Linux 6.1. */
const schedulers = new Set([
  "rr",
  "wrr",
  "lc",
  "wlc",
  "lblc",
  "lblcr",
  "dh",
  "sh",
  "sed",
  "nq",
  "fo",
  "ovf",
  "mh",
  "twos",
]);

interface FakeService {
  readonly key: ServiceKey;
  settings: ServiceSettings;
  readonly servers: Map<string, RealServer>;
}

export interface FakeIpvs extends Ipvs {
  /** Everything, as lines in a fixed order. */
  dump(): string[];
  /** Connections that a server has from now on. */
  setConnections(key: ServiceKey, server: string, count: number): void;
  /** Refuses the commands that `match` with this code; a code of "" ends it. */
  failWhen(match: (command: IpvsCommand) => boolean, code: string): void;
  /** Commands that were performed. */
  readonly performed: number;
}

export function fakeIpvs(): FakeIpvs {
  return new Fake();
}

class Fake implements FakeIpvs {
  readonly #services = new Map<string, FakeService>();
  readonly #connections = new Map<string, number>();
  #failure: { match: (command: IpvsCommand) => boolean; code: string } | undefined;
  performed = 0;

  services() {
    return [...this.#services.values()].map(({ key, settings }) => ({ key, ...settings }));
  }

  servers(key: ServiceKey) {
    const service = this.#services.get(serviceKeyText(key));
    return (
      service &&
      [...service.servers.values()].map((server) => ({
        ...server,
        connections: this.#connections.get(`${serviceKeyText(key)} ${serverText(server)}`) ?? 0,
      }))
    );
  }

  run(commands: readonly IpvsCommand[]): IpvsRefusal[] {
    return commands.flatMap((command) => {
      const injected = this.#failure?.code && this.#failure.match(command) ? this.#failure.code : undefined;
      const code = injected ?? this.#perform(command);
      if (!code) this.performed++;
      return code ? [{ command, code }] : [];
    });
  }

  setTimeouts(): void {}
  close(): void {}

  dump(): string[] {
    return [...this.#services.values()]
      .flatMap(({ key, settings, servers }) => {
        const name = serviceKeyText(key);
        const { scheduler, persistenceSec } = settings;
        return [
          `${name} ${scheduler}${persistenceSec ? ` persistent ${persistenceSec}` : ""}`,
          ...[...servers].map(([server, { weight }]) => `${name} → ${server} weight ${weight}`),
        ];
      })
      .sort();
  }

  setConnections(key: ServiceKey, server: string, count: number): void {
    this.#connections.set(`${serviceKeyText(key)} ${server}`, count);
  }

  failWhen(match: (command: IpvsCommand) => boolean, code: string): void {
    this.#failure = { match, code };
  }

  #perform(command: IpvsCommand): string | undefined {
    const name = serviceKeyText(command.key);
    const service = this.#services.get(name);
    if (command.op === "add-service") {
      if (service) return "EEXIST";
      if (!schedulers.has(command.settings.scheduler)) return "ENOENT";
      this.#services.set(name, { key: command.key, settings: command.settings, servers: new Map() });
      return undefined;
    }
    if (!service) return "ESRCH";
    if ("server" in command) return performOnServer(service, command);
    if ("settings" in command) {
      if (!schedulers.has(command.settings.scheduler)) return "ENOENT";
      service.settings = command.settings;
    } else this.#services.delete(name);
    return undefined;
  }
}

function performOnServer(
  { servers }: FakeService,
  command: Extract<IpvsCommand, { readonly server: unknown }>,
): string | undefined {
  const name = serverText(command.server);
  const isThere = servers.has(name);
  if (command.op === "add-server") {
    if (isThere) return "EEXIST";
  } else if (!isThere) return "ENOENT";
  if (command.op === "delete-server") servers.delete(name);
  else servers.set(name, command.server);
  return undefined;
}

export interface FakeVipLink extends VipLink {
  readonly bound: Set<string>;
  readonly others: Set<string>;
}

/** `others` are the addresses of the node's other links. */
export function fakeVipLink(others: readonly string[]): FakeVipLink {
  const bound = new Set<string>();
  const otherSet = new Set(others);
  return {
    bound,
    others: otherSet,
    read: () => ({ bound: [...bound], others: [...otherSet] }),
    bind: (addresses) => {
      for (const address of addresses) bound.add(address);
    },
    unbind: (addresses) => {
      for (const address of addresses) bound.delete(address);
    },
    remove: () => bound.clear(),
    close: () => {},
  };
}
