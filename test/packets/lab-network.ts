/** Links, addresses and routes of the lab. */
import { addresses, type HostName, hostNames } from "./addresses.ts";
import type { Actor } from "./lab.ts";

const v4 = addresses.IPv4;
const v6 = addresses.IPv6;
type Hosts = (name: HostName) => Actor;

export async function configure(host: Hosts): Promise<void> {
  await Promise.all(hostNames.map((name) => prepare(host(name))));
  await configureNode(host);
  await configureNodeB(host);
  await Promise.all([
    manyAddresses(host),
    configurePod(host("pod-a"), "pod-a", "bridge"),
    configurePod(host("pod-b"), "pod-b", "bridge"),
    configurePod(host("pod-far"), "pod-far", "farGateway"),
    configureOutside(host("outside")),
  ]);
}

/** Links that are made later take the defaults. */
async function prepare(actor: Actor): Promise<void> {
  await actor.run("ip link set lo up");
  await actor.order({
    do: "sysctl",
    values: {
      "net/ipv4/conf/all/rp_filter": "0",
      "net/ipv4/conf/default/rp_filter": "0",
      // A redirect would use up what the rate limit of ICMP leaves for a refusal.
      "net/ipv4/conf/all/send_redirects": "0",
      "net/ipv4/conf/default/send_redirects": "0",
      "net/ipv4/icmp_ratelimit": "0",
      "net/ipv6/icmp/ratelimit": "0",
    },
  });
}

const forward = {
  do: "sysctl",
  values: { "net/ipv4/ip_forward": "1", "net/ipv6/conf/all/forwarding": "1" },
} as const;

async function configureNode(host: Hosts): Promise<void> {
  const node = host("node");
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
    `ip link add far type veth peer name eth0 netns ${host("node-b").pid}`,
    "ip link set far up",
    `ip addr add ${v4.bridge}/24 dev cni0`,
    `ip addr add ${v6.bridge}/64 dev cni0 nodad`,
    `ip addr add ${v4.node}/16 dev eth0`,
    `ip addr add ${v6.node}/64 dev eth0 nodad`,
    `ip addr add ${v4.node2}/24 dev eth0`,
    `ip addr add ${v6.node2}/64 dev eth0 nodad`,
    `ip addr add ${v4.farLink}/24 dev far`,
    `ip addr add ${v6.farLink}/64 dev far nodad`,
    `ip route add 10.244.1.0/24 via ${v4["node-b"]}`,
    `ip -6 route add fd00:10:244:1::/64 via ${v6["node-b"]}`,
    `ip route add default via ${v4.outside}`,
    `ip -6 route add default via ${v6.outside}`,
  );
  await node.order(forward);
}

/** Its own Services are nobody's business: all but its Pod's addresses go to the node. */
async function configureNodeB(host: Hosts): Promise<void> {
  const actor = host("node-b");
  await actor.run(
    "ip link set eth0 up",
    `ip link add pods type veth peer name eth0 netns ${host("pod-far").pid}`,
    "ip link set pods up",
    `ip addr add ${v4["node-b"]}/24 dev eth0`,
    `ip addr add ${v6["node-b"]}/64 dev eth0 nodad`,
    `ip addr add ${v4.farGateway}/24 dev pods`,
    `ip addr add ${v6.farGateway}/64 dev pods nodad`,
    `ip route add default via ${v4.farLink}`,
    `ip -6 route add default via ${v6.farLink} src ${v6["node-b"]}`,
  );
  await actor.order(forward);
}

async function configurePod(
  actor: Actor,
  pod: "pod-a" | "pod-b" | "pod-far",
  gateway: "bridge" | "farGateway",
): Promise<void> {
  await actor.run(
    "ip link set eth0 up",
    `ip addr add ${v4[pod]}/24 dev eth0`,
    `ip addr add ${v6[pod]}/64 dev eth0 nodad`,
    `ip route add default via ${v4[gateway]}`,
    `ip -6 route add default via ${v6[gateway]}`,
  );
}

/** `manyAddress` of lab.ts. */
async function manyAddresses(host: Hosts): Promise<void> {
  await host("pod-b").run(
    "ip route add local 10.244.64.0/18 dev lo",
    "ip -6 route add local fd00:10:244:40::/64 dev lo",
  );
  await host("node").run(
    `ip route add 10.244.64.0/18 via ${v4["pod-b"]} dev cni0`,
    `ip -6 route add fd00:10:244:40::/64 via ${v6["pod-b"]} dev cni0`,
  );
}

async function configureOutside(actor: Actor): Promise<void> {
  await actor.run(
    "ip link set eth0 up",
    `ip addr add ${v4.outside}/16 dev eth0`,
    `ip addr add ${v6.outside}/64 dev eth0 nodad`,
    `ip addr add ${v4.outside2}/24 dev eth0`,
    `ip addr add ${v6.outside2}/64 dev eth0 nodad`,
    ...["10.96.0.0/16", "10.244.0.0/16", "172.19.0.0/24", "192.168.60.0/24", "192.168.70.0/24", "192.168.80.0/24"].map(
      (to) => `ip route add ${to} via ${v4.node}`,
    ),
    ...["fd00:10::/32", "fd00:19::/64", "fd00:60::/64", "fd00:70::/64", "fd00:80::/64"].map(
      (to) => `ip -6 route add ${to} via ${v6.node} src ${v6.outside}`,
    ),
  );
}
