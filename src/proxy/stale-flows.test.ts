import assert from "node:assert/strict";
import { it } from "node:test";
import type { Conntrack, Flow, FlowFilter } from "../kernel/conntrack/conntrack.ts";
import { deleteStaleFlows, type FlowCheck, flowChecks } from "./stale-flows.ts";
import type { ServicePort } from "./state.ts";

const handle = { family: "IPv4", original: Buffer.alloc(0), id: undefined, zone: undefined } as const;
const flow = (destination: string, port: number, ip: string): Flow => ({
  destination,
  port,
  answerer: { ip, port: 53 },
  handle,
});

function conntrackOf(flows: Flow[]): Conntrack & { readonly asked: FlowFilter[] } {
  const asked: FlowFilter[] = [];
  return {
    asked,
    flows(filter) {
      asked.push(filter);
      const { port, address } = filter;
      return flows.filter(
        (f) => (port === undefined || f.port === port) && (address === undefined || f.destination === address),
      );
    },
    delete: (one) => flows.splice(flows.indexOf(one), 1).length > 0,
    close: () => {},
  };
}

const check = (n: number, serving: string[]): FlowCheck => ({
  family: "IPv4",
  address: `10.96.0.${n}`,
  port: 53,
  serving: new Set(serving),
});

it("P153 deletes flows whose answerer serves no more, and only those", () => {
  const kept = [
    flow("10.96.0.1", 53, "10.244.0.1"),
    flow("10.96.0.2", 53, "10.244.0.9"),
    flow("10.96.0.1", 54, "10.244.0.9"),
  ];
  const flows = [...kept, flow("10.96.0.1", 53, "10.244.0.9"), flow("10.96.0.1", 53, "10.96.0.1")];
  assert.equal(deleteStaleFlows(conntrackOf(flows), [check(1, ["10.244.0.1:53"])]).IPv4, 2);
  assert.deepEqual(flows, kept);
});
it("P161 asks the kernel once for many destinations", () => {
  const flows = Array.from({ length: 40 }, (_, n) => flow(`10.96.0.${n}`, 53, "10.244.0.9"));
  const conntrack = conntrackOf(flows);
  const checks = Array.from({ length: 30 }, (_, n) => check(n, n === 7 ? ["10.244.0.9:53"] : []));
  assert.equal(deleteStaleFlows(conntrack, checks).IPv4, 29);
  assert.equal(conntrack.asked.length, 1);
  assert.equal(flows.length, 11);
});
it("P160 a node port's flows are those to this node", () => {
  const flows = [flow("127.0.0.1", 30053, "10.244.0.9"), flow("203.0.113.7", 30053, "203.0.113.7")];
  assert.equal(deleteStaleFlows(conntrackOf(flows), [{ family: "IPv4", port: 30053, serving: new Set() }]).IPv4, 1);
  assert.deepEqual(
    flows.map(({ destination }) => destination),
    ["203.0.113.7"],
  );
});
it("P157 checks what a Service gave up, and leaves TCP alone (P158)", () => {
  const port = {
    family: "IPv4",
    protocol: "UDP",
    port: 53,
    nodePort: 0,
    serving: ["10.244.0.1:53"],
    vips: [{ address: "10.96.0.1", role: "clusterIP" }],
  } as unknown as ServicePort;
  const external: ServicePort = { ...port, vips: [...port.vips, { address: "192.168.80.1", role: "externalIP" }] };
  const found = flowChecks([external], [port]).map(({ address, serving }) => [address, [...serving]]);
  assert.deepEqual(found, [
    ["10.96.0.1", ["10.244.0.1:53"]],
    ["192.168.80.1", []],
  ]);
  assert.deepEqual(flowChecks([{ ...port, protocol: "TCP" }], []), []);
});
