/** Listening sockets and addresses, read back from the kernel, in network namespaces of the test's own. */
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { CLONE_NEWNET, hasCode, unshare } from "../../../kernel/ffi.ts";
import { openRouteSocket, setLink } from "../../../kernel/route/mod.ts";
import { propertySuite } from "../../testing/properties.ts";
import { createUserspaceDataPlane } from "./plane.ts";
import { vipLink } from "./vip-addresses.ts";

const reason = enterNode();

propertySuite(
  "the userspace data plane",
  () => {
    enterNode();
    const planes: { remove(): Promise<void> }[] = [];
    return {
      create: () => {
        const plane = createUserspaceDataPlane({ reach: "network" });
        planes.push(plane);
        return plane;
      },
      read: () => ({ sockets: listeners(), addresses: addresses() }),
      close: async () => {
        for (const plane of planes) await plane.remove().catch(() => {});
      },
    };
  },
  { perSync: 20, skip: reason },
);

function enterNode(): string | undefined {
  try {
    unshare(CLONE_NEWNET);
  } catch (error) {
    if (hasCode(error, "EPERM")) return "making a network namespace needs root: run under `unshare -Urn`";
    throw error;
  }
  const route = openRouteSocket();
  setLink(route, "lo", { up: true });
  route.close();
  return undefined;
}

const LISTEN = "0A";
const UNCONNECTED = "07";

/** Protocol, address and port of each, as the kernel writes them: sl local_address rem_address st … */
function listeners(): string[] {
  return ["tcp", "tcp6", "udp", "udp6"]
    .flatMap((protocol) => {
      const [, ...lines] = readFileSync(`/proc/thread-self/net/${protocol}`, "utf8").trim().split("\n");
      return lines.flatMap((line) => {
        const [, local, , state] = line.trim().split(/\s+/);
        return state === (protocol.startsWith("tcp") ? LISTEN : UNCONNECTED) ? [`${protocol} ${local}`] : [];
      });
    })
    .sort();
}

const addresses = (): string[] =>
  (networkInterfaces()[vipLink] ?? [])
    .map(({ address }) => address)
    .filter((address) => !address.startsWith("fe80:"))
    .sort();
