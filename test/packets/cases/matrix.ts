/**
 * P250: every road to a Service, under both policies, with every kind of endpoints, by each protocol, from five places.
 * Who is served is written down here once, as the statements have it (P51 to P58, P80 to P82), and not computed.
 */
import type { Protocol } from "../../../src/proxy/state.ts";
import type { HostName } from "../addresses.ts";
import type { Probe } from "../probe.ts";
import { type Builders, type Endpoints, local, nodePort, type PacketCase, protocols, terminating } from "./case.ts";

type Want = Probe["want"];
interface Row {
  readonly cluster: Want;
  /** Policy Local: of the clusterIP, and of the other roads for clients outside. */
  readonly local: Want;
  /** Policy Local: of the other roads for Pods and processes of this node. */
  readonly near: Want;
}
const silent = "silence";
const here: Want = ["pod-b"];
const far: Want = ["pod-far"];
const both: Want = ["pod-b", "pod-far"];

const rows = {
  none: { cluster: "refused", local: "refused", near: "refused" },
  "not ready": { cluster: "refused", local: "refused", near: "refused" },
  elsewhere: { cluster: far, local: silent, near: far },
  here: { cluster: here, local: here, near: here },
  "here and elsewhere": { cluster: both, local: here, near: both },
  "terminating here": { cluster: here, local: here, near: here },
  "terminating elsewhere": { cluster: far, local: silent, near: far },
  "terminating here, ready elsewhere": { cluster: far, local: here, near: far },
} as const satisfies Record<string, Row>;
type Kind = keyof typeof rows;

const endpointsOf = ({ at }: Builders): Record<Kind, Endpoints> => ({
  none: [],
  "not ready": [at("pod-b", { ready: false, serving: true })],
  elsewhere: ["pod-far"],
  here: ["pod-b"],
  "here and elsewhere": ["pod-b", "pod-far"],
  "terminating here": [at("pod-b", terminating)],
  "terminating elsewhere": [at("pod-far", terminating)],
  "terminating here, ready elsewhere": [at("pod-b", terminating), "pod-far"],
});

const clients: readonly HostName[] = ["pod-a", "node", "pod-far", "node-b", "outside"];
const pods: readonly HostName[] = ["pod-a", "pod-far"];

export function matrixCases(b: Builders): PacketCase[] {
  const endpoints = endpointsOf(b);
  return protocols.flatMap((protocol) =>
    (["Cluster", "Local"] as const).flatMap((policy) =>
      (Object.keys(rows) as Kind[]).flatMap((kind) =>
        (Object.keys(b.roads) as Road[]).map((road) =>
          b.one(
            `P250 ${protocol} to a ${road} (${statements.roads[road]}), policy ${policy}, endpoints ${kind} (${statements.kinds[kind]})`,
            [b.balanced({ ...b.ports(protocol, nodePort), ...(policy === "Local" ? local : {}) })],
            [b.eps(...endpoints[kind])],
            clients.flatMap((from) => probes(b, { protocol, policy, row: rows[kind], road, from })),
          ),
        ),
      ),
    ),
  );
}

/** Those that the expectations come from, beside P79 for the protocols, and P81 and P82 for the policies. */
const statements = {
  roads: { clusterIP: "P75", "node port": "P76, P119", "external IP": "P77", "load-balancer IP": "P77" },
  kinds: {
    none: "P80, P84, P242",
    "not ready": "P56",
    elsewhere: "P51",
    here: "P51",
    "here and elsewhere": "P51",
    "terminating here": "P53",
    "terminating elsewhere": "P52",
    "terminating here, ready elsewhere": "P54",
  },
} as const satisfies { roads: Record<Road, string>; kinds: Record<Kind, string> };

type Road = keyof Builders["roads"];
interface Asked {
  readonly protocol: Protocol;
  readonly policy: "Cluster" | "Local";
  readonly row: Row;
  readonly road: Road;
  readonly from: HostName;
}

function probes(b: Builders, { protocol, policy, row, road, from }: Asked): Probe[] {
  const isNear = road !== "clusterIP" && (from === "node" || pods.includes(from));
  const want = policy === "Cluster" ? row.cluster : isNear ? row.near : row.local;
  const seen = sourceAt({ policy, road, from });
  // A Pod elsewhere that comes back to itself with its own address: its own node would have seen to that.
  if (from === "pod-far" && want.includes("pod-far") && seen !== "node") return [];
  return [{ from, protocol, ...b.roads[road], want, ...(seen ? { seen } : {}) }];
}

/** P108 to P112 and P118; a Pod's own external traffic has its own cases. */
function sourceAt({ policy, road, from }: Pick<Asked, "policy" | "road" | "from">): Probe["seen"] {
  if (from === "node") return "node";
  if (road === "clusterIP") return pods.includes(from) ? "own" : "node";
  if (policy === "Local") return "own";
  return from === "pod-a" ? undefined : "node";
}
