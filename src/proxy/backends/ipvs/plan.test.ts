import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type IpvsCommand, serverText, serviceKeyText } from "../../../kernel/ipvs/port.ts";
import { type DesiredService, drained, type HeldService, planService } from "./plan.ts";

const key = { kind: "address", family: "IPv4", protocol: "TCP", address: "10.96.0.1", port: 80 } as const;
const rr = { scheduler: "rr", flags: 0, persistenceSec: 0 };
const server = (n: number) => ({ address: `10.244.0.${n}`, port: 8080 });
const desired = (numbers: number[], more: Partial<DesiredService> = {}): DesiredService => ({
  owner: "default/web",
  key,
  settings: rr,
  servers: numbers.map(server),
  ...more,
});
/** Weights by the server's number. */
const held = (weights: Record<number, number>, connections = 0): HeldService => ({
  key,
  settings: rr,
  servers: new Map(
    Object.entries(weights).map(([n, weight]) => [
      serverText(server(Number(n))),
      { ...server(Number(n)), weight, connections },
    ]),
  ),
});

/** e.g. "add-server 1 weight 1". */
function text(command: IpvsCommand): string {
  assert.equal(serviceKeyText(command.key), serviceKeyText(key));
  if (!("server" in command)) return command.op;
  const weight = "weight" in command.server ? ` weight ${command.server.weight}` : "";
  return `${command.op} ${command.server.address.split(".").at(-1)}${weight}`;
}

const udp = (...serving: number[]) => ({ serving: serving.map((n) => serverText(server(n))) });
const cases: readonly {
  name: string;
  held?: HeldService;
  desired?: DesiredService;
  first?: string[];
  last?: string[];
}[] = [
  { name: "nothing of nothing" },
  { name: "new", desired: desired([1, 2]), first: ["add-service", "add-server 1 weight 1", "add-server 2 weight 1"] },
  { name: "the same", held: held({ 1: 1, 2: 1 }), desired: desired([1, 2]) },
  { name: "gone", held: held({ 1: 1 }), last: ["delete-service"] },
  { name: "another server", held: held({ 1: 1 }), desired: desired([1, 2]), first: ["add-server 2 weight 1"] },
  { name: "an endpoint twice", held: held({}), desired: desired([1, 1]), first: ["add-server 1 weight 1"] },
  { name: "a server less", held: held({ 1: 1, 2: 1 }), desired: desired([1]), last: ["set-server 2 weight 0"] },
  { name: "a server less, draining already", held: held({ 1: 1, 2: 0 }), desired: desired([1]) },
  {
    name: "a server that returns",
    held: held({ 1: 1, 2: 0 }),
    desired: desired([1, 2]),
    first: ["set-server 2 weight 1"],
  },
  { name: "the last server", held: held({ 1: 1 }), desired: desired([]), last: ["set-server 1 weight 0"] },
  {
    name: "other settings",
    held: held({ 1: 1 }),
    desired: desired([1], { settings: { ...rr, persistenceSec: 60 } }),
    first: ["set-service"],
  },
  {
    name: "UDP, serves no more",
    held: held({ 1: 1, 2: 1 }),
    desired: desired([1], udp(1)),
    last: ["delete-server 2"],
  },
  {
    name: "UDP, serves still",
    held: held({ 1: 1, 2: 1 }),
    desired: desired([1], udp(1, 2)),
    last: ["set-server 2 weight 0"],
  },
  {
    name: "UDP, nobody serves",
    held: held({ 1: 1 }),
    desired: desired([], udp()),
    last: ["set-server 1 weight 0"],
  },
  {
    name: "dh",
    held: { ...held({ 1: 1, 2: 1 }), settings: { ...rr, scheduler: "dh" } },
    desired: desired([1], { settings: { ...rr, scheduler: "dh" } }),
    last: ["delete-server 2"],
  },
];

describe("planService()", () => {
  for (const { name, held: before, desired: after, first = [], last = [] } of cases) {
    it(name, () => {
      const plan = planService(before, after);
      assert.deepEqual(plan.first.map(text), first);
      assert.deepEqual(plan.last.map(text), last);
    });
  }
});

describe("drained()", () => {
  it("names servers that take no more and have no connections", () => {
    assert.deepEqual(drained(held({ 1: 1, 2: 0 })).map(text), ["delete-server 2"]);
    assert.deepEqual(drained(held({ 1: 1, 2: 0 }, 5)).map(text), []);
  });
});
