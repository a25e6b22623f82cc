import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseCidr } from "../../../net/cidr.ts";
import { computeService } from "../../compute.ts";
import { endpointText } from "../../state.ts";
import { nodeA, type ServiceFixture, service, settings, slice } from "../../testing/fixtures.ts";
import type { Context, Listener } from "./model.ts";
import { portsFor } from "./open-listener.ts";
import { renderPort } from "./render.ts";

const context = (own: readonly string[] = [], nodePorts: Context["nodePorts"] = "loopback"): Context => ({
  settings: settings(),
  own: new Set(["127.0.0.1", ...own]),
  loopbackOf: (vip) => `127.1.${vip.split(".").slice(2).join(".")}`,
  nodePorts,
});

const here = "10.244.0.11";
const there = { ip: "10.244.1.13", node: "node-b" };
const line = ({ protocol, address, port, target: { near, far } }: Listener): string =>
  `${protocol} ${address}:${port} near ${near.map(endpointText)} far ${far.map(endpointText)}`;

const lines = (fixture: ServiceFixture, endpoints: Parameters<typeof slice>[0], using = context()): string[] =>
  computeService(service(fixture), [slice(endpoints)], nodeA).flatMap((port) => renderPort(port, using).map(line));

const nodePort: ServiceFixture = { type: "NodePort", ports: [{ port: 80, nodePort: 30080 }] };
const both = "10.244.0.11:8080,10.244.1.13:8080";

const cases: { name: string; in: Parameters<typeof lines>; want: string[] }[] = [
  {
    name: "a clusterIP stands behind its loopback address",
    in: [{}, [here, there]],
    want: [`TCP 127.1.0.1:80 near ${both} far ${both}`],
  },
  {
    name: "a clusterIP that the machine has is used as it is",
    in: [{}, [here], context(["10.96.0.1"])],
    want: ["TCP 10.96.0.1:80 near 10.244.0.11:8080 far 10.244.0.11:8080"],
  },
  { name: "nothing listens without endpoints", in: [nodePort, []], want: [] },
  {
    name: "internalTrafficPolicy Local takes this node's endpoints only",
    in: [{ internalTrafficPolicy: "Local" }, [here, there]],
    want: ["TCP 127.1.0.1:80 near 10.244.0.11:8080 far 10.244.0.11:8080"],
  },
  {
    name: "internalTrafficPolicy Local without one is refused",
    in: [{ internalTrafficPolicy: "Local" }, [there]],
    want: [],
  },
  {
    name: "a node port is on 127.0.0.1, and not on the network unasked",
    in: [nodePort, [here], context(["172.18.0.2"])],
    want: [
      "TCP 127.1.0.1:80 near 10.244.0.11:8080 far 10.244.0.11:8080",
      "TCP 127.0.0.1:30080 near 10.244.0.11:8080 far 10.244.0.11:8080",
    ],
  },
  {
    name: "a node port is on the chosen addresses of the machine",
    in: [
      nodePort,
      [here],
      {
        ...context(["172.18.0.2", "192.168.60.1"]),
        settings: settings({ nodePortCidrs: [parseCidr("172.18.0.0/16")].filter((cidr) => cidr !== undefined) }),
      },
    ],
    want: [
      "TCP 127.1.0.1:80 near 10.244.0.11:8080 far 10.244.0.11:8080",
      "TCP 127.0.0.1:30080 near 10.244.0.11:8080 far 10.244.0.11:8080",
      "TCP 172.18.0.2:30080 near 10.244.0.11:8080 far 10.244.0.11:8080",
    ],
  },
  {
    name: "externalTrafficPolicy Local: clients of this node reach all, others local endpoints",
    in: [{ ...nodePort, externalTrafficPolicy: "Local" }, [here, there]],
    want: [`TCP 127.1.0.1:80 near ${both} far ${both}`, `TCP 127.0.0.1:30080 near ${both} far 10.244.0.11:8080`],
  },
  {
    name: "an external IP is served only where the machine has it",
    in: [{ externalIPs: ["192.168.80.4", "192.168.80.5"] }, [here], context(["192.168.80.5"])],
    want: [
      "TCP 127.1.0.1:80 near 10.244.0.11:8080 far 10.244.0.11:8080",
      "TCP 192.168.80.5:80 near 10.244.0.11:8080 far 10.244.0.11:8080",
    ],
  },
];

describe("userspace: renderPort()", () => {
  for (const { name, in: input, want } of cases) it(name, () => assert.deepEqual(lines(...input), want));
});

describe("userspace: portsFor()", () => {
  const [listener] = computeService(service(), [slice([here])], nodeA).flatMap((port) => renderPort(port, context()));
  assert.ok(listener);
  it("keeps a port that anybody may have", () => {
    assert.deepEqual(
      portsFor({ ...listener, port: 8080 }, () => false),
      [8080],
    );
  });
  it("moves a port that is for root to one that no Service has", () => {
    assert.deepEqual(
      portsFor(listener, (_, port) => port === 8080),
      [80, 9080, 10080, 20080, 30080, 40080],
    );
  });
  it("keeps a node port's number", () => {
    assert.deepEqual(
      portsFor({ ...listener, vip: undefined, port: 80 }, () => false),
      [80],
    );
  });
});
