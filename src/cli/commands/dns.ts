import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { startDns } from "../../dns/start.ts";
import type { Command } from "../command.ts";
import { CliError, errorCode, UsageError } from "../errors.ts";
import { parseOptions } from "../options.ts";
import { aborted, connect, logOf, partOptions, stopSignal } from "../part.ts";
import { settle } from "../program.ts";
import { parseResolvers } from "../supervisor/dns-relay.ts";
import { version } from "../version.ts";

const options = {
  ...partOptions,
  "cluster-domain": { type: "string", value: "DOMAIN", help: "default cluster.local" },
  listen: { type: "string", value: "ADDRESS:PORT", help: "UDP and TCP (default 0.0.0.0:53)" },
  upstream: {
    type: "string",
    multiple: true,
    value: "ADDRESS[:PORT]|unix:PATH|FILE",
    help: "where other names are asked: a resolver, or a file such as /etc/resolv.conf (repeatable; default none)",
  },
} as const;

const dnsPort = 53;

function parseListen(text: string): { address: string; port: number } {
  const [, address, port] = /^(.*):(\d+)$/.exec(text) ?? [];
  const bare = address?.replace(/^\[|\]$/g, "") ?? "";
  if (isIP(bare) === 0 || Number(port) > 65535) throw new UsageError(`--listen must be ADDRESS:PORT, not "${text}"`);
  return { address: bare, port: Number(port) };
}

/** A path names a file in the form of resolv.conf(5). */
function upstreams(texts: readonly string[]): string[] {
  return texts.flatMap((text) => {
    if (!text.startsWith("/"))
      return isIP(text) === 0 ? [text] : [isIP(text) === 6 ? `[${text}]:${dnsPort}` : `${text}:${dnsPort}`];
    try {
      return upstreams(parseResolvers(readFileSync(text, "utf8")));
    } catch (error) {
      throw new CliError(`Cannot read the resolvers in "${text}" (${errorCode(error) ?? (error as Error).message}).`);
    }
  });
}

export const command: Command = {
  usage: "[--kubeconfig FILE] [--listen ADDRESS:PORT] [--upstream …]",
  summary: "Answer DNS for a cluster's Services (in CoreDNS's place)",
  options,
  examples: [["fairlead dns --kubeconfig ~/.kube/config --listen 127.0.0.1:5353", "for any cluster, on this machine"]],
  async run(args) {
    const { values } = parseOptions(args, options);
    const log = logOf(values).child({ component: "dns" });
    const signal = stopSignal();
    await startDns({
      client: await connect(values, "fairlead-dns", log, signal),
      listen: parseListen(values.listen ?? `0.0.0.0:${dnsPort}`),
      clusterDomain: values["cluster-domain"] ?? "cluster.local",
      upstreams: upstreams(values.upstream ?? []),
      log,
      signal,
      version,
    });
    settle();
    await aborted(signal);
    return 0;
  },
};
