/** Hosts of the lab (lab.ts has a drawing), their addresses and ports. */
export const hostNames = ["node", "pod-a", "pod-b", "pod-far", "node-b", "outside"] as const;
export type HostName = (typeof hostNames)[number];

/** By family: addresses of the lab, VIPs that Services may use, and a second address of the node and of the outside. */
export const addresses = {
  IPv4: {
    "pod-a": "10.244.0.11",
    "pod-b": "10.244.0.12",
    "pod-far": "10.244.1.13",
    "node-b": "172.19.0.2",
    node: "172.18.0.2",
    node2: "192.168.60.1",
    bridge: "10.244.0.1",
    farLink: "172.19.0.1",
    farGateway: "10.244.1.1",
    outside: "172.18.0.1",
    outside2: "192.168.50.1",
    clusterIp: "10.96.0.10",
    clusterIp2: "10.96.0.20",
    unused: "10.96.0.99",
    external: "192.168.80.4",
    external2: "192.168.80.5",
    balancer: "192.168.70.4",
    balancer2: "192.168.70.5",
    rangeOfOutside: "172.18.0.1/32",
    rangeOfOutside2: "192.168.50.0/24",
    rangeOfPods: "10.244.0.0/16",
    rangeOfPodA: "10.244.0.11/32",
    rangeOfNode: "172.18.0.2/32",
    rangeOfNodeB: "172.19.0.2/32",
    all: "0.0.0.0/0",
    loopback: "127.0.0.1",
  },
  IPv6: {
    "pod-a": "fd00:10:244::11",
    "pod-b": "fd00:10:244::12",
    "pod-far": "fd00:10:244:1::13",
    "node-b": "fd00:19::2",
    node: "fd00:18::2",
    node2: "fd00:60::1",
    bridge: "fd00:10:244::1",
    farLink: "fd00:19::1",
    farGateway: "fd00:10:244:1::1",
    outside: "fd00:18::1",
    outside2: "fd00:50::1",
    clusterIp: "fd00:10:96::10",
    clusterIp2: "fd00:10:96::20",
    unused: "fd00:10:96::99",
    external: "fd00:80::4",
    external2: "fd00:80::5",
    balancer: "fd00:70::4",
    balancer2: "fd00:70::5",
    rangeOfOutside: "fd00:18::1/128",
    rangeOfOutside2: "fd00:50::/64",
    rangeOfPods: "fd00:10:244::/56",
    rangeOfPodA: "fd00:10:244::11/128",
    rangeOfNode: "fd00:18::2/128",
    rangeOfNodeB: "fd00:19::2/128",
    all: "::/0",
    loopback: "::1",
  },
} as const;
export type Addresses = Readonly<Record<keyof (typeof addresses)["IPv4"], string>>;

/** Ports of the lab's servers: Pods serve TCP, UDP and SCTP at the first, the hosts TCP and UDP at the second; Pod pod-b also TCP at many. */
export const podPort = 8080;
export const hostPort = 9090;
export const manyPorts = Array.from({ length: 50 }, (_, n) => 9100 + n);

/** Of the block of addresses that pod-b has beside its own, the n-th. */
export const manyAddress = (family: "IPv4" | "IPv6", n: number): string =>
  family === "IPv4" ? `10.244.${64 + (n >> 8)}.${n & 255}` : `fd00:10:244:40::${(n + 1).toString(16)}`;
