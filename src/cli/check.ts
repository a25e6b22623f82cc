/** Whether the cluster works, tried from a node as a Pod would: a name, then an address behind the service proxy. */
import { Resolver } from "node:dns/promises";
import net, { isIPv6 } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const attemptMs = 250;
const pauseMs = 10;

async function resolves(server: string, name: string): Promise<string> {
  const resolver = new Resolver({ timeout: attemptMs, tries: 1 });
  resolver.setServers([isIPv6(server) ? `[${server}]` : server]);
  const [address] = await resolver.resolve4(name);
  if (!address) throw new Error("no address");
  return address;
}

function connects(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, timeout: attemptMs });
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
    socket.once("timeout", () => socket.destroy(new Error("no answer")));
    socket.once("error", reject);
  });
}

/** Tries until both work; the result is what is wrong after `timeoutMs`, or undefined. */
export async function checkCluster(
  { dnsAddresses, name, port }: { dnsAddresses: readonly string[]; name: string; port: number },
  timeoutMs: number,
): Promise<string | undefined> {
  const endMs = Date.now() + timeoutMs;
  let problem: string | undefined;
  do {
    try {
      const answers = dnsAddresses.map((server) =>
        resolves(server, name).catch((error: Error) => {
          throw new Error(`the cluster's DNS at ${server} does not resolve ${name} (${error.message})`);
        }),
      );
      const [address = ""] = await Promise.all(answers);
      await connects(address, port).catch((error: Error) => {
        throw new Error(`${name} resolves to ${address}, but port ${port} there does not answer (${error.message})`);
      });
      return undefined;
    } catch (error) {
      problem = (error as Error).message;
      await sleep(pauseMs);
    }
  } while (Date.now() < endMs);
  return problem;
}
