import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { allocate, type Demand, parsePools } from "./pools.ts";

const demand = (parts: Partial<Demand> = {}): Demand => ({
  service: "default/web",
  required: ["IPv4"],
  optional: [],
  requested: undefined,
  held: [],
  ...parts,
});
const small = "192.0.2.10-192.0.2.12";
const both = `${small}, 2001:db8::10/127`;
const taken = (...addresses: string[]): Record<string, string> =>
  Object.fromEntries(addresses.map((address) => [address, "default/other"]));

const cases: readonly {
  name: string;
  pools?: string;
  holders?: Record<string, string>;
  in: Partial<Demand>;
  want: string;
}[] = [
  { name: "gives the lowest address", in: {}, want: "192.0.2.10" },
  { name: "skips taken addresses", holders: taken("192.0.2.10", "192.0.2.11"), in: {}, want: "192.0.2.12" },
  { name: "keeps what is held", in: { held: ["192.0.2.12"] }, want: "192.0.2.12" },
  {
    name: "keeps what it is recorded as the holder of",
    holders: { "192.0.2.11": "default/web" },
    in: { held: ["192.0.2.11"] },
    want: "192.0.2.11",
  },
  { name: "replaces what is in no pool any more", in: { held: ["198.51.100.1"] }, want: "192.0.2.10" },
  {
    name: "replaces what another Service has",
    holders: taken("192.0.2.10"),
    in: { held: ["192.0.2.10"] },
    want: "192.0.2.11",
  },
  { name: "honours loadBalancerIP", in: { requested: "192.0.2.11" }, want: "192.0.2.11" },
  { name: "moves to a new loadBalancerIP", in: { requested: "192.0.2.11", held: ["192.0.2.10"] }, want: "192.0.2.11" },
  {
    name: "keeps what is held when loadBalancerIP is taken",
    holders: taken("192.0.2.11"),
    in: { requested: "192.0.2.11", held: ["192.0.2.10"] },
    want: '192.0.2.10 ! Cannot assign "192.0.2.11": Service "default/other" has it',
  },
  {
    name: "refuses a loadBalancerIP outside the pools",
    in: { requested: "192.0.2.99" },
    want: ` ! Cannot assign "192.0.2.99": it is in no pool, must be in ${small}`,
  },
  {
    name: "refuses a loadBalancerIP that is none",
    in: { requested: "192.0.2" },
    want: ' ! Cannot assign "192.0.2": it is not an IP address',
  },
  {
    name: "refuses a loadBalancerIP of a family that the Service lacks",
    pools: both,
    in: { requested: "2001:db8::10" },
    want: ' ! Cannot assign "2001:db8::10": the Service has no IPv6 address family',
  },
  {
    name: "says when all are assigned",
    holders: taken("192.0.2.10", "192.0.2.11", "192.0.2.12"),
    in: {},
    want: ` ! All 3 IPv4 addresses of ${small} are assigned`,
  },
  { name: "says when no pool has the family", in: { required: ["IPv6"] }, want: " ! No pool has IPv6 addresses" },
  {
    name: "gives both families, in the Service's order",
    pools: both,
    in: { required: ["IPv6", "IPv4"] },
    want: "2001:db8::10 192.0.2.10",
  },
  {
    name: "gives the families that there are when dual-stack is preferred",
    in: { required: [], optional: ["IPv6", "IPv4"] },
    want: "192.0.2.10",
  },
  {
    name: "gives nothing when dual-stack is required and one family is missing",
    in: { required: ["IPv4", "IPv6"] },
    want: " ! No pool has IPv6 addresses",
  },
  {
    name: "goes on in the next pool",
    pools: "192.0.2.1, 198.51.100.0/31",
    holders: taken("192.0.2.1"),
    in: {},
    want: "198.51.100.0",
  },
];

describe("allocate()", () => {
  for (const { name, pools = small, holders = {}, in: input, want } of cases) {
    test(name, () => {
      const room = { pools: parsePools(pools), holders: new Map(Object.entries(holders)) };
      const { addresses, problem } = allocate(room, demand(input));
      assert.equal(addresses.join(" ") + (problem ? ` ! ${problem}` : ""), want);
    });
  }

  test("never gives an address twice, and ends when a huge pool's start is full", () => {
    const pools = parsePools("2001:db8::/64");
    const holders = new Map<string, string>();
    for (let i = 0; i < 500; i++) {
      const { addresses } = allocate({ pools, holders }, demand({ service: `default/s${i}`, required: ["IPv6"] }));
      const [address = ""] = addresses;
      assert.ok(!holders.has(address), address);
      holders.set(address, `default/s${i}`);
    }
    assert.equal(holders.size, 500);
  });
});

test("parsePools() refuses bad pools with one sentence", () => {
  for (const [text, want] of [
    ["", /^Cannot use the load balancer pool "": must be addresses like /],
    ["192.0.2.9-192.0.2.1", /^Cannot use the load balancer pool "192.0.2.9-192.0.2.1": must be/],
    ["192.0.2.0/24, 192.0.2.7", /^Cannot use the load balancer pool "192.0.2.7": it overlaps 192.0.2.0-192.0.2.255$/],
  ] as const) {
    assert.throws(
      () => parsePools(text),
      (error: unknown) => error instanceof SyntaxError && want.test(error.message),
      text,
    );
  }
});
