/**
 * A node and its neighbours in throw-away network namespaces; all links are veths, nothing leaves the machine.
 *
 *   pod-a .0.11 ─┐              far ┌─ pod-far 10.244.1.13 (a Pod of another node)
 *   pod-b .0.12 ─┴ cni0 [node] eth0 ┴─ outside 172.18.0.1, 192.168.50.1   (routes VIPs to the node)
 *       10.244.0.0/24     172.18.0.2
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { CLONE_NEWNET, hasCode, unshare } from "../../src/kernel/ffi.ts";
import type { Answer, Order } from "./order.ts";

export type HostName = "node" | "pod-a" | "pod-b" | "pod-far" | "outside";

/** By family: addresses of the lab, VIPs that Services may use, and a second address of the node and of the outside. */
export const addresses = {
  IPv4: {
    "pod-a": "10.244.0.11",
    "pod-b": "10.244.0.12",
    "pod-far": "10.244.1.13",
    node: "172.18.0.2",
    node2: "192.168.60.1",
    bridge: "10.244.0.1",
    farGateway: "10.244.1.1",
    outside: "172.18.0.1",
    outside2: "192.168.50.1",
    clusterIp: "10.96.0.10",
    clusterIp2: "10.96.0.20",
    unused: "10.96.0.99",
    external: "192.168.80.4",
    balancer: "192.168.70.4",
    balancer2: "192.168.70.5",
    rangeOfOutside2: "192.168.50.0/24",
    rangeOfPods: "10.244.0.0/16",
    rangeOfNode: "172.18.0.2/32",
    loopback: "127.0.0.1",
  },
  IPv6: {
    "pod-a": "fd00:10:244::11",
    "pod-b": "fd00:10:244::12",
    "pod-far": "fd00:10:244:1::13",
    node: "fd00:18::2",
    node2: "fd00:60::1",
    bridge: "fd00:10:244::1",
    farGateway: "fd00:10:244:1::1",
    outside: "fd00:18::1",
    outside2: "fd00:50::1",
    clusterIp: "fd00:10:96::10",
    clusterIp2: "fd00:10:96::20",
    unused: "fd00:10:96::99",
    external: "fd00:80::4",
    balancer: "fd00:70::4",
    balancer2: "fd00:70::5",
    rangeOfOutside2: "fd00:50::/64",
    rangeOfPods: "fd00:10:244::/56",
    rangeOfNode: "fd00:18::2/128",
    loopback: "::1",
  },
} as const;
export type Addresses = Readonly<Record<keyof (typeof addresses)["IPv4"], string>>;

/** Undefined, or why there can be no lab: moves this thread into a new network namespace, which becomes the node. */
export function enterNode(): string | undefined {
  try {
    unshare(CLONE_NEWNET);
    return undefined;
  } catch (error) {
    if (hasCode(error, "EPERM")) return "making network namespaces needs root: run under `unshare -Urn`";
    throw error;
  }
}

class Actor {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #lastId = 0;

  constructor(inOwnNamespace: boolean) {
    const command = [process.execPath, new URL("actor.ts", import.meta.url).pathname];
    const [program = "", ...args] = inOwnNamespace ? ["unshare", "--net", ...command] : command;
    this.#child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: this.#child.stdout ?? process.stdin });
    lines.on("line", (line) => {
      const { id, ...answer } = JSON.parse(line) as Answer & { id: number };
      this.#waiting.get(id)?.(answer);
      this.#waiting.delete(id);
    });
  }

  /** `unshare` becomes the actor by exec: the number is the actor's. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  order(order: Order): Promise<Answer> {
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.stdin?.write(`${JSON.stringify({ ...order, id })}\n`);
    });
  }

  async run(...commands: string[]): Promise<void> {
    const { failure } = await this.order({ do: "run", commands: commands.map((line) => line.split(" ")) });
    if (failure) throw new Error(failure);
  }

  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#child.once("exit", () => resolve()));
    this.#child.stdin?.end();
    return closed;
  }
}

export interface Lab {
  order(host: HostName, order: Order): Promise<Answer>;
  close(): Promise<void>;
}

/** Call it after `enterNode`. Every Pod serves TCP and UDP 8080, the node TCP 9090 on all its addresses. */
export async function createLab(): Promise<Lab> {
  const hosts = new Map<HostName, Actor>([
    ["node", new Actor(false)],
    ...(["pod-a", "pod-b", "pod-far", "outside"] as const).map((name): [HostName, Actor] => [name, new Actor(true)]),
  ]);
  const host = (name: HostName): Actor => hosts.get(name) as Actor;
  await Promise.all([...hosts.values()].map((actor) => actor.run("ip link set lo up")));
  await configureNode(host("node"), host);
  await Promise.all([
    configurePod(host("pod-a"), "pod-a"),
    configurePod(host("pod-b"), "pod-b"),
    configureFar(host("pod-far")),
    configureOutside(host("outside")),
  ]);
  for (const name of ["pod-a", "pod-b", "pod-far"] as const) {
    for (const protocol of ["TCP", "UDP"] as const) await host(name).order({ do: "serve", protocol, port: 8080, name });
  }
  await host("node").order({ do: "serve", protocol: "TCP", port: 9090, name: "node" });
  return {
    order: (name, order) => host(name).order(order),
    close: async () => {
      await Promise.all([...hosts.values()].map((actor) => actor.close()));
    },
  };
}

const v4 = addresses.IPv4;
const v6 = addresses.IPv6;

async function configureNode(node: Actor, host: (name: HostName) => Actor): Promise<void> {
  await node.run("ip link add cni0 type bridge", "ip link set cni0 up");
  for (const pod of ["pod-a", "pod-b"] as const) {
    const link = pod.replace("pod-", "veth-");
    await node.run(
      `ip link add ${link} type veth peer name eth0 netns ${host(pod).pid}`,
      `ip link set ${link} master cni0 up`,
      // A Pod that reaches itself through a Service: bridge netfilter sends its packet back by the port it came from.
      `ip link set ${link} type bridge_slave hairpin on`,
    );
  }
  await node.run(
    `ip link add eth0 type veth peer name eth0 netns ${host("outside").pid}`,
    "ip link set eth0 up",
    `ip link add far type veth peer name eth0 netns ${host("pod-far").pid}`,
    "ip link set far up",
    `ip addr add ${v4.bridge}/24 dev cni0`,
    `ip addr add ${v6.bridge}/64 dev cni0 nodad`,
    `ip addr add ${v4.node}/16 dev eth0`,
    `ip addr add ${v6.node}/64 dev eth0 nodad`,
    `ip addr add ${v4.node2}/24 dev eth0`,
    `ip addr add ${v6.node2}/64 dev eth0 nodad`,
    `ip addr add ${v4.farGateway}/24 dev far`,
    `ip addr add ${v6.farGateway}/64 dev far nodad`,
    `ip route add default via ${v4.outside}`,
    `ip -6 route add default via ${v6.outside}`,
  );
  await node.order({
    do: "sysctl",
    values: {
      "net/ipv4/ip_forward": "1",
      "net/ipv6/conf/all/forwarding": "1",
      "net/ipv4/conf/all/send_redirects": "0",
      "net/ipv4/conf/eth0/send_redirects": "0",
    },
  });
}

async function configurePod(actor: Actor, pod: "pod-a" | "pod-b"): Promise<void> {
  await actor.run(
    "ip link set eth0 up",
    `ip addr add ${v4[pod]}/24 dev eth0`,
    `ip addr add ${v6[pod]}/64 dev eth0 nodad`,
    `ip route add default via ${v4.bridge}`,
    `ip -6 route add default via ${v6.bridge}`,
  );
}

async function configureFar(actor: Actor): Promise<void> {
  await actor.run(
    "ip link set eth0 up",
    `ip addr add ${v4["pod-far"]}/24 dev eth0`,
    `ip addr add ${v6["pod-far"]}/64 dev eth0 nodad`,
    `ip route add default via ${v4.farGateway}`,
    `ip -6 route add default via ${v6.farGateway}`,
  );
}

async function configureOutside(actor: Actor): Promise<void> {
  await actor.run(
    "ip link set eth0 up",
    `ip addr add ${v4.outside}/16 dev eth0`,
    `ip addr add ${v6.outside}/64 dev eth0 nodad`,
    `ip addr add ${v4.outside2}/24 dev eth0`,
    `ip addr add ${v6.outside2}/64 dev eth0 nodad`,
    ...["10.96.0.0/16", "10.244.0.0/16", "192.168.60.0/24", "192.168.70.0/24", "192.168.80.0/24"].map(
      (to) => `ip route add ${to} via ${v4.node}`,
    ),
    ...["fd00:10::/32", "fd00:60::/64", "fd00:70::/64", "fd00:80::/64"].map(
      (to) => `ip -6 route add ${to} via ${v6.node} src ${v6.outside}`,
    ),
  );
  await actor.order({
    do: "sysctl",
    values: { "net/ipv4/conf/all/rp_filter": "0", "net/ipv4/conf/eth0/rp_filter": "0" },
  });
}
