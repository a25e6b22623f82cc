/** Where a data plane does otherwise, and why: the source of docs/deviations.md and of the named skips. */
import type { Limits } from "./probe.ts";

export const planeNames = ["nftables", "iptables", "legacy iptables", "ipvs", "ebpf", "userspace"] as const;
export type PlaneName = (typeof planeNames)[number];

export interface Deviation {
  /** Names of cases, with or without the family. */
  readonly cases: RegExp | readonly string[];
  readonly reason: string;
}

export const limits: Readonly<Partial<Record<PlaneName, Limits>>> = {
  userspace: {
    losesSource: "the endpoint's connection is the proxy's own",
    neverSilent: "a socket answers each client, or none is there and the kernel refuses",
  },
};

const staleFlow = "P153 of all flows the stale one is deleted, by which its client is no longer in the dark";

const ebpf: readonly Deviation[] = [
  {
    cases: [
      "P109 a Pod's packets to a node port are masqueraded too",
      "P109 a Pod's packets to a external IP are masqueraded too",
      "P109 a Pod's packets to a load-balancer IP are masqueraded too",
      "P111 the same for sockets with another address of the node, unless it is of the Pods' blocks (P113)",
      "P114 a Pod reaches itself by clusterIP",
    ],
    reason:
      "the socket is connected to the endpoint itself: no packet is translated, so none is masqueraded, and the endpoint sees the address that the socket has",
  },
  {
    cases: ["P113 policy Local without a way to tell Pods: only the node itself is near"],
    reason: "sockets of the node's Pods are known without blocks of addresses, so the Pods are near all the same",
  },
];

const userspace: readonly Deviation[] = [
  { cases: /SCTP/, reason: "Node has no SCTP sockets: the Service is reported as refused, and the rest holds" },
  {
    cases: [
      "P89 whoever listens on a node address that is not chosen is reached at a node port's number",
      "P89 P95 a node port without endpoints is refused on chosen addresses, and a listener is reached on others",
      "P95 a listener of the node is shadowed by a node port of its number",
    ],
    reason: "a port that a process of the node listens on is taken: the Service is reported as refused",
  },
  {
    cases: [
      "P76 P79 an answer to a client of the node whose port is a node port's number is the client's",
      "P77 P79 an answer from elsewhere to a client of the node whose address and port are a Service's is the client's",
    ],
    reason: "such a port is the proxy's own socket's: no client of the node can have it",
  },
  {
    cases: [
      "P86 P235 what the node itself listens on is not reached at a clusterIP",
      "P262 an external IP that is a Pod's address is the Service's port only",
    ],
    reason: "the node gets a Service's address as its own, with all of its ports, and there are no rules to close them",
  },
  {
    cases: ["P115 masqueraded connections get source ports at random"],
    reason: "nothing is masqueraded: the proxy's own connections have the ports that the kernel gives every process",
  },
  {
    cases: /^P123 /,
    reason: "a socket does not tell by which link its client came in",
  },
  {
    cases: [
      "P164 P165 a Pod's packets that connection tracking calls invalid are dropped, and not where that is switched off",
    ],
    reason: "there is no connection tracking and there are no rules: an answer is the proxy's own socket's",
  },
  {
    cases: ["P83 an established UDP flow outlives the change to zero endpoints, a new one is refused"],
    reason: "a UDP flow answers by its Service's socket and ends with it",
  },
  {
    cases: [staleFlow],
    reason: "no flow goes stale: the client's next datagram finds the endpoint, with nothing to delete",
  },
  {
    cases: ["P263 connections outlive a load balancer's change of address"],
    reason: "connections of an address that is no Service's any more end with it",
  },
  {
    cases: [
      "P205 P206 a new process adopts the rules: none of 900 connections fails meanwhile, and clients stay (P104)",
    ],
    reason: "the sockets end with their process",
  },
];

const ipvs: readonly Deviation[] = [
  {
    cases: ["P241 datagrams that travel in fragments arrive whole, and so do the answers"],
    reason:
      "IPVS does not cut a datagram that is too long for the link to the endpoint: its sender is told so (EMSGSIZE, ICMP)",
  },
  {
    cases: ["P111 the same for sockets with another address of the node, unless it is of the Pods' blocks (P113)"],
    reason:
      "a process of the node may have the Service's own address as its source, so all that the node itself sends is masqueraded, from an address of the Pods' blocks too",
  },
  {
    cases: ["P263 connections outlive a load balancer's change of address"],
    reason: "IPVS only sees packets to the node's addresses: with a Service's address its connections go",
  },
  {
    cases: [
      "P98 affinity holds over clusterIP, load-balancer IP and node port",
      "P98 a client that uses one port for two addresses of a Service at once stays with its endpoint",
      "P98 P79 a client of few ports has all its connections, to two addresses at once, to one endpoint",
    ],
    reason: "IPVS remembers a client for each virtual address, and not for the Service",
  },
  {
    cases: [
      "P78 a client's port that is used again at once, for another address and back, mixes up no connections",
      "P78 a client that goes to an endpoint itself, by a port that it had at the Service, is answered by the endpoint",
    ],
    reason: "IPVS knows an answer by its endpoint and its client's port alone, also for some time after the connection",
  },
  {
    cases: [
      "P77 P79 an answer from elsewhere to a client of the node whose address and port are a Service's is the client's",
    ],
    reason: "IPVS takes all that comes to a Service's address and port for a question",
  },
  {
    cases: ["P138 a process of the node reaches a node port at 127.0.0.1, whatever addresses are chosen"],
    reason: "IPVS sends nothing from a loopback address to another host",
  },
  {
    cases: [staleFlow],
    reason: "IPVS drops the flow to a deleted server itself: none is left to be counted as stale",
  },
  {
    cases: ["P103 an affinity ends with its time, and not before"],
    reason:
      "IPVS counts the time from the end of a client's last connection, whose TIME_WAIT of two minutes is a part of it",
  },
  {
    cases: ["P262 an external IP that is a Pod's address is the Service's port only"],
    reason: "IPVS only sees packets to the node, so it gets a Service's address as its own, with all of its ports",
  },
];

export const deviations: Readonly<Record<PlaneName, readonly Deviation[]>> = {
  nftables: [],
  iptables: [],
  "legacy iptables": [],
  ipvs,
  ebpf,
  userspace,
};

/** Why the data plane does otherwise in this case, if it does. */
export function reasonToSkip(name: PlaneName, title: string): string | undefined {
  return deviations[name].find((one) => matches(one, title))?.reason;
}

export function matches({ cases }: Deviation, title: string): boolean {
  if (cases instanceof RegExp) return cases.test(title);
  return cases.includes(title) || cases.includes(title.replace(/ \(IPv[46]\)$/, ""));
}
