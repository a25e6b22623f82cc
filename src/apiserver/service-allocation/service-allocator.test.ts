import assert from "node:assert/strict";
import { test } from "node:test";
import { prepareServiceForCreate, prepareServiceForUpdate } from "../../api/kinds/service-update.ts";
import type { Service } from "../../api/object.ts";
import { type Allocation, ServiceAllocator } from "./service-allocator.ts";

/** As the server calls it: the kind has made the two forms of the cluster IP agree. */
class Allocator extends ServiceAllocator {
  override allocate(one: Service, old?: Service): Allocation {
    if (old) prepareServiceForUpdate(one, old);
    else prepareServiceForCreate(one);
    return super.allocate(one, old);
  }
}

const service = (spec: Partial<Service["spec"]>, name = "s"): Service =>
  ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { type: "ClusterIP", selector: { a: "b" }, ...spec },
  }) as Service;

const allocator = (serviceCidrs = ["10.96.0.0/16"], from = 30000, to = 32767) =>
  new Allocator({ serviceCidrs, nodePortRange: { from, to }, random: () => 0 });

const faults = (allocation: { faults: readonly { field: string; detail: string }[] }): string[] =>
  allocation.faults.map(({ field, detail }) => `${field}: ${detail}`);

test("allocate() fills a ClusterIP Service from the dynamic band", () => {
  const one = service({});
  assert.deepEqual(faults(allocator().allocate(one)), []);
  assert.equal(one.spec.clusterIP, "10.96.1.1");
  assert.deepEqual(one.spec.clusterIPs, ["10.96.1.1"]);
  assert.deepEqual([one.spec.ipFamilies, one.spec.ipFamilyPolicy], [["IPv4"], "SingleStack"]);
});

test("allocate() gives headless and ExternalName Services no address", () => {
  const headless = service({ clusterIP: "None" });
  const external = service({ type: "ExternalName", externalName: "a.example" });
  const allocate = allocator();
  assert.deepEqual([...faults(allocate.allocate(headless)), ...faults(allocate.allocate(external))], []);
  assert.deepEqual(headless.spec.clusterIPs, ["None"]);
  assert.equal(external.spec.clusterIP, undefined);
  assert.equal(external.spec.ipFamilies, undefined);
});

test("S77 allocate() words taken and foreign addresses as Kubernetes does", () => {
  const allocate = allocator();
  const first = allocate.allocate(service({ clusterIP: "10.96.0.10" }));
  first.commit();
  assert.deepEqual(faults(allocate.allocate(service({ clusterIP: "10.96.0.10" }))), [
    'spec.clusterIPs: Invalid value: ["10.96.0.10"]: failed to allocate IP 10.96.0.10: provided IP is already allocated',
  ]);
  assert.deepEqual(faults(allocate.allocate(service({ clusterIP: "10.97.0.1" }))), [
    'spec.clusterIPs: Invalid value: ["10.97.0.1"]: failed to allocate IP 10.97.0.1: the provided network does not match the current range',
  ]);
});

test("S79 S82 S85 allocate() gives node ports, shares them between TCP and UDP, and refuses others", () => {
  const allocate = allocator();
  const dns = service({
    type: "NodePort",
    ports: [
      { name: "tcp", port: 53, protocol: "TCP" },
      { name: "udp", port: 53, protocol: "UDP" },
    ],
  });
  assert.deepEqual(faults(allocate.allocate(dns)), []);
  assert.deepEqual(
    dns.spec.ports?.map(({ nodePort }) => nodePort),
    [30086, 30086],
  );
  const taken = service({ type: "NodePort", ports: [{ port: 80, nodePort: 30086 }] });
  assert.deepEqual(faults(allocate.allocate(taken)), [
    "spec.ports[0].nodePort: Invalid value: 30086: provided port is already allocated",
  ]);
  const outside = service({ type: "NodePort", ports: [{ port: 80, nodePort: 80 }] });
  assert.deepEqual(faults(allocate.allocate(outside)), [
    "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767",
  ]);
});

test("S64 S86 a reverted allocation leaves nothing taken, a committed update gives back what was dropped", () => {
  const allocate = allocator(["10.96.0.0/30"], 30000, 30000);
  const failed = allocate.allocate(service({ type: "NodePort", ports: [{ port: 80 }] }));
  failed.revert();
  const old = service({ type: "NodePort", ports: [{ port: 80 }] });
  allocate.allocate(old).commit();
  assert.equal(old.spec.ports?.[0]?.nodePort, 30000);
  const next = service({ ...structuredClone(old.spec), type: "ClusterIP", ports: [{ port: 80 }] });
  const update = allocate.allocate(next, old);
  const early = service({ type: "NodePort", ports: [{ port: 81 }] });
  assert.deepEqual(faults(allocate.allocate(early)), [
    "spec.ports: Internal error: failed to allocate a nodePort: range is full",
  ]);
  update.commit();
  assert.deepEqual(faults(allocate.allocate(service({ type: "NodePort", ports: [{ port: 81 }] }))), []);
});

test("S67 an update without the allocated fields keeps them", () => {
  const allocate = allocator();
  const old = service({ type: "NodePort", ports: [{ name: "http", port: 80 }] });
  allocate.allocate(old).commit();
  const next = service({ type: "NodePort", ports: [{ name: "http", port: 81 }] });
  allocate.allocate(next, old).commit();
  assert.equal(next.spec.clusterIP, old.spec.clusterIP);
  assert.equal(next.spec.ports?.[0]?.nodePort, old.spec.ports?.[0]?.nodePort);
});

test("adopt() and release() follow what is stored", () => {
  const allocate = allocator();
  const stored = service({
    type: "LoadBalancer",
    clusterIP: "10.96.0.7",
    clusterIPs: ["10.96.0.7"],
    externalTrafficPolicy: "Local",
    healthCheckNodePort: 30002,
    ports: [{ port: 80, nodePort: 30001 }],
  });
  allocate.adopt(stored);
  const again = (): string[] => faults(allocate.allocate(service({ clusterIP: "10.96.0.7" })));
  assert.equal(again().length, 1);
  allocate.release(stored);
  assert.deepEqual(again(), []);
});

test("S77 E60 the address pool ends: every usable address once, then 500", () => {
  const allocate = allocator(["192.168.7.0/28"]);
  const addresses = new Set<string>();
  for (let index = 0; index < 14; index++) {
    const one = service({});
    allocate.allocate(one).commit();
    addresses.add(one.spec.clusterIP ?? "");
  }
  assert.equal(addresses.size, 14);
  assert.ok(!addresses.has("192.168.7.0") && !addresses.has("192.168.7.15"));
  assert.deepEqual(faults(allocate.allocate(service({}))), [
    `spec.clusterIPs: Internal error: failed to allocate a serviceIP for Service "s": range is full`,
  ]);
});

test("S73 S74 dual-stack requests are refused on a single-stack cluster and served on a dual one", () => {
  assert.deepEqual(faults(allocator().allocate(service({ ipFamilyPolicy: "RequireDualStack" }))), [
    'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
  ]);
  assert.deepEqual(faults(allocator().allocate(service({ ipFamilies: ["IPv6"] }))), [
    'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
  ]);
  const both = service({ ipFamilyPolicy: "PreferDualStack" });
  assert.deepEqual(faults(allocator(["10.96.0.0/16", "fd00:10:96::/112"]).allocate(both)), []);
  assert.deepEqual(both.spec.clusterIPs, ["10.96.1.1", "fd00:10:96::101"]);
});

test("S77: the network's own address and the broadcast address are in the range and not valid", () => {
  for (const [cidr, ip] of [
    ["10.96.0.0/24", "10.96.0.0"],
    ["10.96.0.0/24", "10.96.0.255"],
    ["fd00:10:96::/112", "fd00:10:96::"],
  ] as const) {
    const reason = "the provided network does not match the current range";
    assert.deepEqual(faults(allocator([cidr]).allocate(service({ clusterIP: ip }))), [
      `spec.clusterIPs: Invalid value: ["${ip}"]: failed to allocate IP ${ip}: ${reason}`,
    ]);
  }
});

type Ports = NonNullable<Service["spec"]["ports"]>;
const [tcp, udp] = [
  { name: "t", port: 53, protocol: "TCP" },
  { name: "u", port: 53, protocol: "UDP" },
];
const alreadyAllocated = (index: number, port: number) =>
  `spec.ports[${index}].nodePort: Invalid value: ${port}: provided port is already allocated`;
const shared: readonly [name: string, ports: Ports, got: readonly number[] | string][] = [
  ["one number for both protocols", [tcp, udp], [30086, 30086]],
  ["the one that the second asks for", [tcp, { ...udp, nodePort: 30500 }], [30500, 30500]],
  [
    "two that are asked for",
    [
      { ...tcp, nodePort: 30500 },
      { ...udp, nodePort: 30501 },
    ],
    [30500, 30501],
  ],
  [
    "the same for both",
    [
      { ...tcp, nodePort: 30500 },
      { ...udp, nodePort: 30500 },
    ],
    [30500, 30500],
  ],
  [
    "none twice for two ports of different numbers",
    [
      { ...tcp, nodePort: 30500 },
      { ...udp, port: 54, nodePort: 30500 },
    ],
    alreadyAllocated(1, 30500),
  ],
];

for (const [name, ports, got] of shared) {
  test(`S82: a new Service gets ${name}`, () => {
    const one = service({ type: "NodePort", ports: structuredClone(ports) });
    const found = faults(allocator().allocate(one));
    if (typeof got === "string") assert.deepEqual(found, [got]);
    else assert.deepEqual([found, one.spec.ports?.map(({ nodePort }) => nodePort)], [[], got]);
  });
}

test("S81 S84: the health check's port is none of the Service's own node ports", () => {
  const ports = [{ ...tcp, nodePort: 30500 }];
  const one = service({ type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: 30500, ports });
  const [fault] = allocator().allocate(one).faults;
  assert.equal(fault?.reason, "InternalError");
  assert.match(
    fault?.detail ?? "",
    /failed to allocate requested HealthCheck NodePort 30500: provided port is already/,
  );
});

test("S80, S91: the first dynamic address and node port are those that Kubernetes documents", () => {
  const first = (cidr: string): string | undefined => {
    const one = service({});
    allocator([cidr]).allocate(one);
    return one.spec.clusterIP;
  };
  assert.equal(first("10.96.0.0/24"), "10.96.0.17");
  assert.equal(first("10.96.0.0/20"), "10.96.1.1");
  assert.equal(first("10.96.0.0/16"), "10.96.1.1");
  assert.equal(first("10.96.0.0/12"), "10.96.1.1");
  assert.equal(first("10.96.0.0/28"), "10.96.0.1");
  assert.equal(first("fd00::/64"), "fd00::101");
  assert.equal(first("10.96.0.0/31"), undefined);
  const exposed = service({ type: "NodePort", ports: [{ port: 80 }] });
  allocator().allocate(exposed);
  assert.equal(exposed.spec.ports?.[0]?.nodePort, 30086);
});

test("S90: tiny ranges end without an address; the last IPv6 address is usable", () => {
  const taken = (cidr: string): string[] => {
    const allocate = allocator([cidr]);
    const found: string[] = [];
    for (;;) {
      const one = service({});
      if (allocate.allocate(one).faults.length > 0) return found;
      found.push(one.spec.clusterIP ?? "");
    }
  };
  assert.deepEqual(taken("10.0.0.0/32"), []);
  assert.deepEqual(taken("10.0.0.0/31"), []);
  assert.deepEqual(taken("10.0.0.0/30"), ["10.0.0.1", "10.0.0.2"]);
  assert.deepEqual(taken("fd00::/127"), ["fd00::1"]);
  assert.deepEqual(taken("fd00::/128"), []);
});

test("S93: an IPv6 range larger than a /64 and two ranges of one family are refused", () => {
  assert.throws(() => allocator(["fd00::/48"]), /an IPv6 range may be no larger than a \/64/);
  assert.throws(() => allocator(["10.0.0.0/24", "10.1.0.0/24"]), /one range for each family/);
});

test("S92: any ready range gives addresses, only a ready one that contains it takes a named one", () => {
  const allocate = allocator(["10.96.0.0/30"]);
  const { space } = allocate;
  const named = (ip: string) => faults(allocate.allocate(service({ clusterIP: ip })));
  const mismatch = "failed to allocate IP 10.97.0.1: the provided network does not match the current range";
  assert.match(named("10.97.0.1")[0] ?? "", new RegExp(mismatch));
  space.setRanges("more", ["10.97.0.0/30"], false);
  assert.match(named("10.97.0.1")[0] ?? "", new RegExp(mismatch));
  space.setRanges("more", ["10.97.0.0/30"], true);
  assert.deepEqual(named("10.97.0.1"), []);
  const rest = Array.from({ length: 3 }, () => {
    const one = service({});
    allocate.allocate(one);
    return one.spec.clusterIP;
  });
  assert.deepEqual(rest.sort(), ["10.96.0.1", "10.96.0.2", "10.97.0.2"]);
  space.setRanges("overlap", ["10.97.0.0/24"], true);
  assert.match(named("10.97.0.1")[0] ?? "", /provided IP is already allocated/);
  space.removeRanges("overlap");
  space.removeRanges("more");
  assert.match(named("10.97.0.3")[0] ?? "", /does not match the current range/);
});

test("S89: an address that has an IPAddress of somebody else is taken", () => {
  const allocate = allocator(["10.96.0.0/30"]);
  allocate.space.record("10.96.0.1", true);
  assert.match(faults(allocate.allocate(service({ clusterIP: "10.96.0.1" })))[0] ?? "", /already allocated/);
  const one = service({});
  allocate.allocate(one);
  assert.equal(one.spec.clusterIP, "10.96.0.2");
  allocate.space.record("10.96.0.1", false);
  assert.deepEqual(faults(allocate.allocate(service({ clusterIP: "10.96.0.1" }))), []);
});

const dual = () => allocator(["10.96.0.0/16", "fd00:10:96::/112"]);
const committed = (allocate: ReturnType<typeof dual>, spec: Partial<Service["spec"]>): Service => {
  const one = service(spec);
  const allocation = allocate.allocate(one);
  assert.deepEqual(faults(allocation), []);
  allocation.commit();
  return one;
};

test("S68, S72: policies that nobody named", () => {
  const policyOf = (spec: Partial<Service["spec"]>, from = dual()): unknown => {
    const { ipFamilyPolicy, ipFamilies } = committed(from, spec).spec;
    return [ipFamilyPolicy, ...(ipFamilies ?? [])].join(" ");
  };
  const alone = { clusterIP: "None", selector: {} };
  assert.equal(policyOf({}), "SingleStack IPv4");
  assert.equal(policyOf({ clusterIP: "None" }), "SingleStack IPv4");
  assert.equal(policyOf(alone), "RequireDualStack IPv4 IPv6");
  assert.equal(policyOf(alone, allocator()), "RequireDualStack IPv4 IPv6");
  assert.equal(policyOf({ ...alone, ipFamilies: ["IPv6"] }, allocator()), "RequireDualStack IPv6 IPv4");
  assert.equal(
    policyOf({ ...alone, ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv6"] }, allocator()),
    "SingleStack IPv6",
  );
});

test("S71: families follow the addresses that are named", () => {
  const one = committed(dual(), { clusterIPs: ["fd00:10:96::7"], clusterIP: "fd00:10:96::7" });
  assert.deepEqual([one.spec.ipFamilies, one.spec.ipFamilyPolicy], [["IPv6"], "SingleStack"]);
  assert.deepEqual(faults(allocator().allocate(service({ clusterIP: "fd00:10:96::7" }))), [
    'spec.clusterIPs[0]: Invalid value: ["fd00:10:96::7"]: IPv6 is not configured on this cluster',
  ]);
});

test("S69, S70: the second family goes by the policy alone, and by nothing else", () => {
  const allocate = dual();
  const old = committed(allocate, { ipFamilyPolicy: "PreferDualStack" });
  const update = (spec: Partial<Service["spec"]>) => faults(allocate.allocate(service({ ...old.spec, ...spec }), old));
  const first = old.spec.clusterIPs?.slice(0, 1) ?? [];
  assert.deepEqual(update({ clusterIPs: first, ipFamilies: ["IPv4"] }), [
    `spec.ipFamilyPolicy: Invalid value: "PreferDualStack": must be 'SingleStack' to release the secondary cluster IP`,
    `spec.ipFamilyPolicy: Invalid value: "PreferDualStack": must be 'SingleStack' to release the secondary IP family`,
  ]);
  const single = service({ ...structuredClone(old.spec), ipFamilyPolicy: "SingleStack" });
  const allocation = allocate.allocate(single, old);
  assert.deepEqual(faults(allocation), []);
  assert.deepEqual([single.spec.clusterIPs, single.spec.ipFamilies], [first, ["IPv4"]]);
  assert.deepEqual(allocation.commit(), [old.spec.clusterIPs?.[1]]);
  const both = { ipFamilies: ["IPv4", "IPv6"], clusterIPs: ["10.96.9.9", "fd00:10:96::9"], clusterIP: "10.96.9.9" };
  assert.deepEqual(faults(allocate.allocate(service(both))), [
    `spec.ipFamilyPolicy: Invalid value: "SingleStack": must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified`,
    `spec.ipFamilyPolicy: Invalid value: "SingleStack": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified`,
  ]);
});

test("S76: an upgrade takes only the second address, a named one too; to ExternalName all are given back", () => {
  const allocate = dual();
  const old = committed(allocate, {});
  const next = service({
    ...old.spec,
    ipFamilyPolicy: "RequireDualStack",
    clusterIPs: [old.spec.clusterIP ?? "", "fd00:10:96::99"],
  });
  const allocation = allocate.allocate(next, old);
  assert.deepEqual([faults(allocation), allocation.taken], [[], ["fd00:10:96::99"]]);
  assert.deepEqual(next.spec.ipFamilies, ["IPv4", "IPv6"]);
  allocation.commit();
  const away = service({ ...structuredClone(next.spec), type: "ExternalName", externalName: "a.example" });
  const given = allocate.allocate(away, next);
  assert.deepEqual(given.commit(), next.spec.clusterIPs);
  assert.equal(away.spec.clusterIPs, undefined);
  const back = service({ ...structuredClone(away.spec), type: "ClusterIP" });
  assert.deepEqual(faults(allocate.allocate(back, away)), []);
  assert.equal(back.spec.clusterIPs?.length, 1);
});

test("S51 S76: an update takes no address in the place of one that there is", () => {
  const allocate = allocator(["10.96.0.0/16", "fd00:96::/112"]);
  const old = service({ ipFamilyPolicy: "RequireDualStack" });
  allocate.allocate(old).commit();
  const clusterIPs = [old.spec.clusterIP ?? "", "fd01::1"];
  const next = allocate.allocate(service({ ipFamilyPolicy: "RequireDualStack", clusterIPs }), old);
  assert.deepEqual([faults(next), next.taken], [[], []], "validation says that it may not change");
});

test("S75: a PreferDualStack Service is left as it is when the cluster has become dual-stack, or is so no more", () => {
  const old = committed(allocator(), { ipFamilyPolicy: "PreferDualStack" });
  assert.deepEqual(old.spec.ipFamilies, ["IPv4"]);
  const bigger = dual();
  bigger.adopt(old);
  const same = service({ ...structuredClone(old.spec), sessionAffinity: "ClientIP" });
  assert.deepEqual(faults(bigger.allocate(same, old)), []);
  assert.deepEqual(same.spec.clusterIPs, old.spec.clusterIPs);
  const required = service({ ...structuredClone(old.spec), ipFamilyPolicy: "RequireDualStack" });
  assert.deepEqual(faults(bigger.allocate(required, old)), []);
  assert.equal(required.spec.clusterIPs?.length, 2);
  const smaller = allocator();
  smaller.adopt(required);
  const prefers = { ...structuredClone(required), spec: { ...required.spec, ipFamilyPolicy: "PreferDualStack" } };
  const kept = service(structuredClone(prefers.spec));
  assert.deepEqual(faults(smaller.allocate(kept, prefers)), []);
  assert.deepEqual(kept.spec.clusterIPs, required.spec.clusterIPs);
});

test("S81 to S83: one number is one allocation; named ones are honoured without allocation", () => {
  const allocate = allocator();
  committed(allocate, { type: "NodePort", ports: [{ port: 1, nodePort: 30100, protocol: "TCP" }] });
  const udp = service({ type: "NodePort", ports: [{ port: 1, nodePort: 30100, protocol: "UDP" }] });
  assert.match(faults(allocate.allocate(udp))[0] ?? "", /30100: provided port is already allocated/);
  const none = committed(allocate, {
    type: "LoadBalancer",
    allocateLoadBalancerNodePorts: false,
    ports: [
      { name: "a", port: 1, nodePort: 30200 },
      { name: "b", port: 2 },
    ],
  });
  assert.deepEqual(
    none.spec.ports?.map(({ nodePort }) => nodePort),
    [30200, undefined],
  );
  const old = committed(allocate, { type: "NodePort", ports: [{ name: "t", port: 53, protocol: "TCP" }] });
  const next = service({
    ...structuredClone(old.spec),
    ports: [...(old.spec.ports ?? []), { name: "u", port: 53, protocol: "UDP" }],
  });
  assert.deepEqual(faults(allocate.allocate(next, old)), []);
  const [first, second] = next.spec.ports ?? [];
  assert.equal(first?.nodePort, old.spec.ports?.[0]?.nodePort);
  assert.notEqual(first?.nodePort, second?.nodePort);
});

test("S84: a health check's port that is taken is the server's fault, not the request's", () => {
  const allocate = allocator();
  committed(allocate, { type: "NodePort", ports: [{ port: 1, nodePort: 30100 }] });
  const wanted = service({
    type: "LoadBalancer",
    externalTrafficPolicy: "Local",
    healthCheckNodePort: 30100,
    ports: [{ port: 1 }],
  });
  const [fault] = allocate.allocate(wanted).faults;
  assert.equal(fault?.reason, "InternalError");
  assert.match(
    fault?.detail ?? "",
    /failed to allocate requested HealthCheck NodePort 30100: provided port is already allocated/,
  );
});
