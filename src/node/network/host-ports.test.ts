import assert from "node:assert/strict";
import test from "node:test";
import type { PodSpec } from "kubernetes-types/core/v1";
import { fakeNftables } from "../../kernel/nftables/fake.ts";
import { hostPortCommands, hostPortTables } from "./host-port-rules.ts";
import { hostPortsOf } from "./host-ports.ts";

const both = ["10.244.0.5", "fd00::5"];
const pod = (spec: Partial<PodSpec>) => ({
  apiVersion: "v1" as const,
  kind: "Pod" as const,
  metadata: { name: "p" },
  spec: { containers: [], ...spec },
});
const container = (...ports: NonNullable<PodSpec["containers"][number]["ports"]>) => ({ name: "c", ports });
const shown = (spec: Partial<PodSpec>) =>
  hostPortsOf(pod(spec), both).map(
    ({ hostIp, protocol, hostPort, podIp, containerPort }) =>
      `${hostIp}:${hostPort}/${protocol} ${podIp}:${containerPort}`,
  );

const cases: { name: string; spec: Partial<PodSpec>; want: string[] }[] = [
  { name: "no host port", spec: { containers: [container({ containerPort: 80 })] }, want: [] },
  {
    name: "every address of both families",
    spec: { containers: [container({ containerPort: 80, hostPort: 8080 })] },
    want: [":8080/TCP 10.244.0.5:80", ":8080/TCP fd00::5:80"],
  },
  {
    name: "every IPv4 address",
    spec: { containers: [container({ containerPort: 80, hostPort: 8080, hostIP: "0.0.0.0" })] },
    want: [":8080/TCP 10.244.0.5:80"],
  },
  {
    name: "one address, UDP, of a sidecar",
    spec: {
      initContainers: [
        {
          ...container({ containerPort: 53, hostPort: 53, hostIP: "172.18.0.2", protocol: "UDP" }),
          restartPolicy: "Always",
        },
        { ...container({ containerPort: 1, hostPort: 1 }), name: "init" },
      ],
    },
    want: ["172.18.0.2:53/UDP 10.244.0.5:53"],
  },
  {
    name: "the node's network",
    spec: { hostNetwork: true, containers: [container({ containerPort: 80, hostPort: 80 })] },
    want: [],
  },
];
for (const { name, spec, want } of cases) {
  test(`hostPortsOf(): ${name}`, () => assert.deepEqual(shown(spec), want));
}

test("hostPortCommands() replaces the table as a whole, and leaves none without ports", () => {
  const [table] = hostPortTables;
  assert.ok(table);
  const nft = fakeNftables();
  const ports = (hostPort: number) =>
    hostPortsOf(pod({ containers: [container({ containerPort: 80, hostPort })] }), both);
  for (const hostPort of [8080, 8081]) {
    nft.commit(hostPortCommands(table, ports(hostPort)));
    assert.equal(nft.elements(table, "every").length, 1);
  }
  nft.commit(hostPortCommands(table, []));
  assert.equal(nft.chains(table), undefined);
});
