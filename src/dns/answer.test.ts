/** The numbers are those of the reference statements (DNS-…) for a cluster DNS server. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ManualClock } from "../lib/clock.ts";
import { answer } from "./answer.ts";
import { describeAnswer, encodeQuery, type QueryInput } from "./testing/dig.ts";
import { service, slice } from "./testing/objects.ts";
import type { TYPE } from "./wire/constants.ts";
import { Zone } from "./zone.ts";

const soa = (zone: string): string => `${zone} 5 SOA ns.dns.${zone} hostmaster.${zone} 1000 7200 1800 86400 5`;
const no = (rcode: string, zone = "cluster.local"): string[] => [`${rcode} aa`, "-- authority", soa(zone)];

function newZone(clock = new ManualClock(1_000_000)): Zone {
  const zone = new Zone({ clusterDomain: "cluster.local", ttlSec: 5, clock, dnsService: "kube-system/kube-dns" });
  for (const name of ["default", "kube-system", "prod"]) zone.putNamespace(name);
  return zone;
}

function ask(zone: Zone, name: string, type: keyof typeof TYPE | number, options: AskOptions = {}): string[] {
  const { protocol = "udp", synced = true, recursion = false } = options;
  const outcome = answer(encodeQuery(name, type, options), zone, { protocol, synced, recursion, random: () => 0 });
  return outcome.kind === "reply" ? describeAnswer(outcome.bytes) : [outcome.kind];
}

interface AskOptions extends QueryInput {
  readonly protocol?: "udp" | "tcp";
  readonly synced?: boolean;
  readonly recursion?: boolean;
}

const full = newZone();
for (const object of [
  service("kube-system/kube-dns", {
    clusterIP: "10.96.0.10",
    clusterIPs: ["10.96.0.10"],
    ports: [{ name: "dns", port: 53, protocol: "UDP" }],
  }),
  service("default/backend", {
    clusterIP: "10.96.0.17",
    clusterIPs: ["10.96.0.17"],
    ports: [{ name: "http", port: 80, protocol: "TCP" }, { port: 81 }],
  }),
  service("default/dual", {
    clusterIPs: ["10.96.0.18", "fd00:10:96::18"],
    clusterIP: "10.96.0.18",
    ports: [{ name: "web", port: 80, protocol: "TCP" }],
  }),
  service("default/db", { clusterIP: "None", ports: [{ name: "pg", port: 5432 }] }),
  service("default/empty", { clusterIP: "None" }),
  service("default/pending", {}),
  service("default/redis-external", { type: "ExternalName", externalName: "redis.example.com" }),
  service("default/inner", { type: "ExternalName", externalName: "Backend.default.svc.cluster.local." }),
  service("default/dangling", { type: "ExternalName", externalName: "gone.default.svc.cluster.local" }),
  service("default/loop", { type: "ExternalName", externalName: "loop.default.svc.cluster.local" }),
  service("default/literal", { type: "ExternalName", externalName: "192.0.2.1" }),
  service("default/1st", { clusterIP: "10.96.0.99", clusterIPs: ["10.96.0.99"] }),
])
  full.putService(object);
full.putSlice(
  slice(
    "default/db",
    [
      { ip: "10.244.0.5", hostname: "db-0" },
      { ip: "10.244.0.6", ready: true },
      { ip: "10.244.0.7", ready: false },
    ],
    { ports: ["pg:5432/TCP"] },
  ),
);
full.putSlice(slice("default/db", [{ ip: "fd00:10:244::" }], { ports: ["pg:5433/TCP"], suffix: "b" }));
full.putSlice(slice("default/backend", [{ ip: "10.244.0.5" }], { ports: ["http:8080/TCP"] }));
full.putSlice(slice("default/empty", [{ ip: "10.244.0.9", ready: false }]));

const cases: readonly {
  name: string;
  ask: readonly [string, keyof typeof TYPE | number, AskOptions?];
  want: readonly string[];
}[] = [
  {
    name: "DNS-001 dns-version",
    ask: ["dns-version.cluster.local", "TXT"],
    want: ["NOERROR aa", 'dns-version.cluster.local 28800 TYPE16 "1.1.0"'],
  },
  { name: "DNS-005 its other types are NODATA", ask: ["dns-version.cluster.local", "A"], want: no("NOERROR") },
  {
    name: "DNS-010 ClusterIP",
    ask: ["backend.default.svc.cluster.local", "A"],
    want: ["NOERROR aa", "backend.default.svc.cluster.local 5 A 10.96.0.17"],
  },
  {
    name: "DNS-012 dual stack",
    ask: ["dual.default.svc.cluster.local", "AAAA"],
    want: ["NOERROR aa", "dual.default.svc.cluster.local 5 AAAA fd00:10:96::18"],
  },
  {
    name: "DNS-013 single stack: the other family is NODATA",
    ask: ["backend.default.svc.cluster.local", "AAAA"],
    want: no("NOERROR"),
  },
  {
    name: "DNS-014 SRV of a named port",
    ask: ["_http._tcp.backend.default.svc.cluster.local", "SRV"],
    want: [
      "NOERROR aa",
      "_http._tcp.backend.default.svc.cluster.local 5 SRV 0 100 80 backend.default.svc.cluster.local",
      "-- additional",
      "backend.default.svc.cluster.local 5 A 10.96.0.17",
    ],
  },
  {
    name: "DNS-016 dual stack: weight 50, one record",
    ask: ["_web._tcp.dual.default.svc.cluster.local", "SRV"],
    want: [
      "NOERROR aa",
      "_web._tcp.dual.default.svc.cluster.local 5 SRV 0 50 80 dual.default.svc.cluster.local",
      "-- additional",
      "dual.default.svc.cluster.local 5 A 10.96.0.18",
      "dual.default.svc.cluster.local 5 AAAA fd00:10:96::18",
    ],
  },
  {
    name: "DNS-018 unknown protocol",
    ask: ["_http._udp.backend.default.svc.cluster.local", "SRV"],
    want: no("NXDOMAIN"),
  },
  {
    name: "DNS-021 SRV of the Service itself has all ports",
    ask: ["backend.default.svc.cluster.local", "SRV"],
    want: [
      "NOERROR aa",
      "backend.default.svc.cluster.local 5 SRV 0 50 80 backend.default.svc.cluster.local",
      "backend.default.svc.cluster.local 5 SRV 0 50 81 backend.default.svc.cluster.local",
      "-- additional",
      "backend.default.svc.cluster.local 5 A 10.96.0.17",
    ],
  },
  {
    name: "DNS-023 PTR of a ClusterIP",
    ask: ["17.0.96.10.in-addr.arpa", "PTR"],
    want: ["NOERROR aa", "17.0.96.10.in-addr.arpa 5 PTR backend.default.svc.cluster.local"],
  },
  {
    name: "DNS-024 PTR of an IPv6 ClusterIP",
    ask: ["8.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa", "PTR"],
    want: [
      "NOERROR aa",
      "8.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa 5 PTR dual.default.svc.cluster.local",
    ],
  },
  {
    name: "DNS-027 an endpoint of a ClusterIP Service",
    ask: ["10-244-0-5.backend.default.svc.cluster.local", "A"],
    want: ["NOERROR aa", "10-244-0-5.backend.default.svc.cluster.local 5 A 10.244.0.5"],
  },
  {
    name: "DNS-028 a name that begins with a digit",
    ask: ["1st.default.svc.cluster.local", "A"],
    want: ["NOERROR aa", "1st.default.svc.cluster.local 5 A 10.96.0.99"],
  },
  { name: "a Service without an address yet", ask: ["pending.default.svc.cluster.local", "A"], want: no("NXDOMAIN") },
  {
    name: "DNS-040 headless: ready endpoints",
    ask: ["db.default.svc.cluster.local", "A"],
    want: ["NOERROR aa", "db.default.svc.cluster.local 5 A 10.244.0.5", "db.default.svc.cluster.local 5 A 10.244.0.6"],
  },
  {
    name: "DNS-041 headless without a ready endpoint",
    ask: ["empty.default.svc.cluster.local", "A"],
    want: no("NXDOMAIN"),
  },
  {
    name: "DNS-043 hostname",
    ask: ["db-0.db.default.svc.cluster.local", "A"],
    want: ["NOERROR aa", "db-0.db.default.svc.cluster.local 5 A 10.244.0.5"],
  },
  {
    name: "DNS-045 an IPv6 name that would end in a dash",
    ask: ["fd00-10-244--0.db.default.svc.cluster.local", "AAAA"],
    want: ["NOERROR aa", "fd00-10-244--0.db.default.svc.cluster.local 5 AAAA fd00:10:244::"],
  },
  {
    name: "an endpoint that is not ready has no name",
    ask: ["10-244-0-7.db.default.svc.cluster.local", "A"],
    want: no("NXDOMAIN"),
  },
  {
    name: "DNS-048, DNS-049, DNS-051 headless SRV",
    ask: ["_pg._tcp.db.default.svc.cluster.local", "SRV", { edns: 4096 }],
    want: [
      "NOERROR aa",
      "_pg._tcp.db.default.svc.cluster.local 5 SRV 0 33 5432 db-0.db.default.svc.cluster.local",
      "_pg._tcp.db.default.svc.cluster.local 5 SRV 0 33 5432 10-244-0-6.db.default.svc.cluster.local",
      "_pg._tcp.db.default.svc.cluster.local 5 SRV 0 33 5433 fd00-10-244--0.db.default.svc.cluster.local",
      "-- additional",
      "db-0.db.default.svc.cluster.local 5 A 10.244.0.5",
      "10-244-0-6.db.default.svc.cluster.local 5 A 10.244.0.6",
      "fd00-10-244--0.db.default.svc.cluster.local 5 AAAA fd00:10:244::",
    ],
  },
  {
    name: "DNS-052 PTR of a headless endpoint",
    ask: ["5.0.244.10.in-addr.arpa", "PTR"],
    want: ["NOERROR aa", "5.0.244.10.in-addr.arpa 5 PTR db-0.db.default.svc.cluster.local"],
  },
  { name: "DNS-070 ExternalName outside", ask: ["redis-external.default.svc.cluster.local", "A"], want: ["alias"] },
  {
    name: "DNS-071 its CNAME",
    ask: ["redis-external.default.svc.cluster.local", "CNAME"],
    want: ["NOERROR aa", "redis-external.default.svc.cluster.local 5 CNAME redis.example.com"],
  },
  {
    name: "DNS-072 ExternalName inside",
    ask: ["inner.default.svc.cluster.local", "A"],
    want: [
      "NOERROR aa",
      "inner.default.svc.cluster.local 5 CNAME backend.default.svc.cluster.local",
      "backend.default.svc.cluster.local 5 A 10.96.0.17",
    ],
  },
  {
    name: "DNS-075 ExternalName to a name that is missing",
    ask: ["dangling.default.svc.cluster.local", "A"],
    want: [
      "NXDOMAIN aa",
      "dangling.default.svc.cluster.local 5 CNAME gone.default.svc.cluster.local",
      "-- authority",
      soa("cluster.local"),
    ],
  },
  {
    name: "ExternalName in a circle",
    ask: ["loop.default.svc.cluster.local", "A"],
    want: ["SERVFAIL aa", "loop.default.svc.cluster.local 5 CNAME loop.default.svc.cluster.local"],
  },
  {
    name: "DNS-076 SRV of an ExternalName",
    ask: ["redis-external.default.svc.cluster.local", "SRV"],
    want: no("NOERROR"),
  },
  {
    name: "DNS-076 below an ExternalName",
    ask: ["_a._tcp.redis-external.default.svc.cluster.local", "SRV"],
    want: no("NXDOMAIN"),
  },
  {
    name: "DNS-077 a literal address as externalName",
    ask: ["literal.default.svc.cluster.local", "A"],
    want: no("NXDOMAIN"),
  },
  {
    name: "DNS-092 a Pod's name",
    ask: ["10-244-0-7.default.pod.cluster.local", "A"],
    want: ["NOERROR aa", "10-244-0-7.default.pod.cluster.local 5 A 10.244.0.7"],
  },
  {
    name: "DNS-092 a Pod's IPv6 name",
    ask: ["fd00--7.default.pod.cluster.local", "AAAA"],
    want: ["NOERROR aa", "fd00--7.default.pod.cluster.local 5 AAAA fd00::7"],
  },
  { name: "DNS-094 no address in a Pod's name", ask: ["web.default.pod.cluster.local", "A"], want: no("NXDOMAIN") },
  { name: "DNS-094 a Pod in no namespace", ask: ["10-244-0-7.gone.pod.cluster.local", "A"], want: no("NXDOMAIN") },
  {
    name: "DNS-100 the other family of a Pod's name",
    ask: ["10-244-0-7.default.pod.cluster.local", "AAAA"],
    want: no("NOERROR"),
  },
  { name: "DNS-110 apex", ask: ["cluster.local", "A"], want: no("NOERROR") },
  { name: "DNS-111 svc", ask: ["svc.cluster.local", "A"], want: no("NOERROR") },
  { name: "DNS-112 a namespace", ask: ["prod.svc.cluster.local", "A"], want: no("NOERROR") },
  { name: "DNS-112 no namespace", ask: ["gone.svc.cluster.local", "A"], want: no("NXDOMAIN") },
  { name: "DNS-113 other labels", ask: ["a.b.foo.cluster.local", "A"], want: no("NXDOMAIN") },
  {
    name: "DNS-114 too many labels",
    ask: ["a._http._tcp.backend.default.svc.cluster.local", "A"],
    want: no("NXDOMAIN"),
  },
  {
    name: "DNS-115 ns.dns",
    ask: ["ns.dns.cluster.local", "A"],
    want: ["NOERROR aa", "ns.dns.cluster.local 5 A 10.96.0.10"],
  },
  { name: "DNS-116 above a name that exists", ask: ["dns.cluster.local", "A"], want: no("NOERROR") },
  { name: "DNS-117 above a named port", ask: ["_tcp.backend.default.svc.cluster.local", "A"], want: no("NOERROR") },
  {
    name: "DNS-120, DNS-121 case is kept",
    ask: ["BackEnd.Default.SVC.cluster.LOCAL", "A"],
    want: ["NOERROR aa", "BackEnd.Default.SVC.cluster.LOCAL 5 A 10.96.0.17"],
  },
  {
    name: "DNS-121 case of the SOA's owner",
    ask: ["x.Cluster.Local", "A"],
    want: ["NXDOMAIN aa", "-- authority", soa("Cluster.Local")],
  },
  { name: "DNS-123 no wildcards", ask: ["*.default.svc.cluster.local", "A"], want: no("NXDOMAIN") },
  { name: "DNS-133 unknown address", ask: ["1.2.0.192.in-addr.arpa", "PTR"], want: no("NXDOMAIN", "in-addr.arpa") },
  {
    name: "DNS-137 unknown address, with somebody to ask",
    ask: ["1.2.0.192.in-addr.arpa", "PTR", { recursion: true }],
    want: ["forward"],
  },
  {
    name: "DNS-135b other types of a reverse name",
    ask: ["17.0.96.10.in-addr.arpa", "A"],
    want: no("NOERROR", "in-addr.arpa"),
  },
  {
    name: "a reverse name in two spellings is one only",
    ask: ["017.0.96.10.in-addr.arpa", "PTR"],
    want: no("NXDOMAIN", "in-addr.arpa"),
  },
  { name: "DNS-154 SOA", ask: ["cluster.local", "SOA"], want: ["NOERROR aa", soa("cluster.local")] },
  {
    name: "DNS-155 NS, in mixed case (DNS-122)",
    ask: ["Cluster.local", "NS"],
    want: [
      "NOERROR aa",
      "Cluster.local 5 NS ns.dns.Cluster.local",
      "-- additional",
      "ns.dns.Cluster.local 5 A 10.96.0.10",
    ],
  },
  { name: "DNS-157 a type without data", ask: ["backend.default.svc.cluster.local", 257], want: no("NOERROR") },
  { name: "DNS-157 the same of a missing name", ask: ["gone.default.svc.cluster.local", 257], want: no("NXDOMAIN") },
  { name: "DNS-158 ANY", ask: ["backend.default.svc.cluster.local", 255], want: no("NOERROR") },
  { name: "DNS-160 zone transfer", ask: ["cluster.local", "AXFR"], want: ["REFUSED"] },
  { name: "DNS-161 another class", ask: ["backend.default.svc.cluster.local", "A", { class: 3 }], want: ["REFUSED"] },
  {
    name: "DNS-201 before the zone is complete",
    ask: ["gone.default.svc.cluster.local", "A", { synced: false }],
    want: ["SERVFAIL aa"],
  },
  {
    name: "DNS-164 a reverse name before that",
    ask: ["1.2.0.192.in-addr.arpa", "PTR", { synced: false }],
    want: ["SERVFAIL aa"],
  },
  { name: "DNS-163 other names", ask: ["www.example.com", "A"], want: ["forward"] },
  { name: "a name that only ends like the zone", ask: ["xcluster.local.example.com", "A"], want: ["forward"] },
  { name: "DNS-267 one label", ask: ["backend", "A"], want: ["NXDOMAIN"] },
  { name: "DNS-267 .local", ask: ["printer.local", "AAAA"], want: ["NXDOMAIN"] },
  {
    name: "DNS-226 EDNS version",
    ask: ["backend.default.svc.cluster.local", "A", { edns: 1232, version: 1 }],
    want: ["NOERROR"],
  },
];

describe("answer()", () => {
  for (const {
    name,
    ask: [query, type, options],
    want,
  } of cases) {
    test(name, () => assert.deepEqual(ask(full, query, type, options), want));
  }

  test("DNS-226 BADVERS is in the OPT record", () => {
    const query = encodeQuery("backend.default.svc.cluster.local", "A", { edns: 1232, version: 1 });
    const outcome = answer(query, full, { protocol: "udp", synced: true, recursion: false, random: () => 0 });
    assert.equal(outcome.kind === "reply" && outcome.rcode, 16);
    assert.deepEqual(
      outcome.kind === "reply" && outcome.bytes.subarray(-11).toString("hex"),
      "0000 29 04d0 01 00 0000 0000".replaceAll(" ", ""),
    );
  });

  test("DNS-223 OPT comes only to who sent one, with its size and DO bit", () => {
    const query = encodeQuery("backend.default.svc.cluster.local", "A", { edns: 1400, dnssecOk: true });
    const outcome = answer(query, full, { protocol: "udp", synced: true, recursion: false, random: () => 0 });
    assert.equal(
      outcome.kind === "reply" && outcome.bytes.subarray(-11).toString("hex"),
      "00002905780000800000 00".replaceAll(" ", ""),
    );
  });

  test("DNS-165 malformed messages", () => {
    const good = encodeQuery("a.b", "A");
    const at = (place: number, value: number): Buffer => {
      const bytes = Buffer.from(good);
      bytes[place] = value;
      return bytes;
    };
    const outcome = (bytes: Buffer): string => {
      const { kind, ...rest } = answer(bytes, full, {
        protocol: "udp",
        synced: true,
        recursion: false,
        random: () => 0,
      });
      return kind === "reply" && "rcode" in rest ? String(rest.rcode) : kind;
    };
    assert.equal(outcome(at(2, 0x80)), "drop", "an answer");
    assert.equal(outcome(good.subarray(0, 11)), "drop", "too short");
    assert.equal(outcome(at(2, 0x10)), "4", "opcode STATUS");
    assert.equal(outcome(at(5, 2)), "1", "two questions");
    assert.equal(outcome(at(5, 0)), "1", "no question");
    assert.equal(outcome(at(7, 2)), "1", "two answers");
    assert.equal(outcome(at(11, 3)), "1", "three additional records");
    assert.equal(outcome(at(11, 1)), "1", "an additional record that is missing");
    assert.equal(outcome(at(12, 0xc0)), "1", "a compressed question");
    assert.equal(outcome(at(12, 200)), "1", "a label with a reserved length");
    assert.equal(outcome(good.subarray(0, good.length - 1)), "1", "cut off");
  });
});

describe("large answers", () => {
  const zone = newZone();
  zone.putService(service("default/big", { clusterIP: "None" }));
  for (let part = 0; part < 10; part++) {
    const endpoints = Array.from({ length: 100 }, (_, i) => ({ ip: `10.244.${part}.${i}` }));
    zone.putSlice(slice("default/big", endpoints, { ports: ["p:80/TCP"], suffix: String(part) }));
  }
  const name = "big.default.svc.cluster.local";

  test("DNS-221, DNS-222 whole records up to the limit, and TC", () => {
    const [status, ...records] = ask(zone, name, "A");
    assert.equal(status, "NOERROR aa tc");
    assert.equal(records.length, Math.floor((512 - 12 - name.length - 2 - 4) / 16));
    assert.equal(
      ask(zone, name, "A", { edns: 1232 }).length - 1,
      Math.floor((1232 - 12 - name.length - 2 - 4 - 11) / 16),
    );
  });

  test("DNS-230 TCP gives all", () => {
    const answers = ask(zone, name, "A", { protocol: "tcp" });
    assert.equal(answers[0], "NOERROR aa");
    assert.equal(new Set(answers.slice(1)).size, 1000);
  });

  test("DNS-310, DNS-315 each address may come first, cut off or not", () => {
    for (const protocol of ["udp", "tcp"] as const) {
      const firsts = Array.from({ length: 100 }, (_, i) => {
        const random = () => (i + 0.5) / 100;
        const outcome = answer(encodeQuery(name, "A"), zone, { protocol, synced: true, recursion: false, random });
        return outcome.kind === "reply" ? describeAnswer(outcome.bytes)[1] : "";
      });
      assert.equal(new Set(firsts).size, 100);
    }
  });

  test("an SRV set that does not fit into 65,535 bytes with its addresses keeps all SRV records", () => {
    const answers = ask(zone, `_p._tcp.${name}`, "SRV", { protocol: "tcp" });
    assert.equal(answers[0], "NOERROR aa");
    assert.equal(answers.filter((line) => line.includes(" SRV ")).length, 1000);
  });
});

describe("changes", () => {
  test("DNS-078, DNS-055 each change shows at once, and only a change of records moves the serial (DNS-153)", () => {
    const clock = new ManualClock(1_000_000);
    const zone = newZone(clock);
    const name = "web.default.svc.cluster.local";
    const first = (type: "A" | "CNAME"): string | undefined => ask(zone, name, type)[1]?.split(" ").slice(2).join(" ");
    zone.putService(service("default/web", { type: "ExternalName", externalName: "a.example.com" }));
    assert.equal(first("CNAME"), "CNAME a.example.com");
    zone.putService(service("default/web", { type: "ExternalName", externalName: "b.example.com" }));
    assert.equal(first("CNAME"), "CNAME b.example.com");
    const cluster = service("default/web", { clusterIP: "10.96.0.1", clusterIPs: ["10.96.0.1"] });
    zone.putService(cluster);
    assert.equal(first("A"), "A 10.96.0.1");
    clock.advance(5_000);
    zone.putService({ ...cluster, metadata: { ...cluster.metadata, annotations: { a: "b" } } });
    assert.equal(zone.serial, 1000);
    zone.putService(service("default/web", { clusterIP: "None" }));
    assert.equal(zone.serial, 1005);
    zone.putSlice(slice("default/web", [{ ip: "10.244.0.1" }, { ip: "10.244.0.2" }]));
    assert.equal(first("A"), "A 10.244.0.1");
    assert.equal(ask(zone, "1.0.244.10.in-addr.arpa", "PTR")[0], "NOERROR aa");
    zone.putSlice(slice("default/web", [{ ip: "10.244.0.1", ready: false }, { ip: "10.244.0.2" }]));
    assert.equal(first("A"), "A 10.244.0.2");
    assert.equal(ask(zone, "1.0.244.10.in-addr.arpa", "PTR")[0], "NXDOMAIN aa");
    zone.removeSlice(slice("default/web", []));
    assert.equal(ask(zone, name, "A")[0], "NXDOMAIN aa");
    zone.removeService(service("default/web", {}));
    assert.equal(ask(zone, name, "A")[0], "NXDOMAIN aa");
  });

  test("DNS-057, DNS-058 a slice may come before its Service, and move to another", () => {
    const zone = newZone();
    zone.putSlice(slice("default/a", [{ ip: "10.244.0.1" }]));
    assert.equal(ask(zone, "a.default.svc.cluster.local", "A")[0], "NXDOMAIN aa");
    for (const name of ["a", "b"]) zone.putService(service(`default/${name}`, { clusterIP: "None" }));
    assert.equal(ask(zone, "a.default.svc.cluster.local", "A")[0], "NOERROR aa");
    const moved = slice("default/a", [{ ip: "10.244.0.1" }]);
    zone.putSlice({ ...moved, metadata: { ...moved.metadata, labels: { "kubernetes.io/service-name": "b" } } });
    assert.equal(ask(zone, "a.default.svc.cluster.local", "A")[0], "NXDOMAIN aa");
    assert.equal(ask(zone, "b.default.svc.cluster.local", "A")[0], "NOERROR aa");
  });

  test("DNS-056 an address in two slices comes once", () => {
    const zone = newZone();
    zone.putService(service("default/a", { clusterIP: "None" }));
    for (const suffix of ["1", "2"])
      zone.putSlice(slice("default/a", [{ ip: "10.244.0.1", hostname: "h" }], { suffix, ports: ["p:1/TCP"] }));
    const name = "a.default.svc.cluster.local";
    assert.deepEqual(ask(zone, name, "A"), ["NOERROR aa", `${name} 5 A 10.244.0.1`]);
    assert.deepEqual(ask(zone, `h.${name}`, "A"), ["NOERROR aa", `h.${name} 5 A 10.244.0.1`]);
    const records = ask(zone, `_p._tcp.${name}`, "SRV").filter((line) => line.includes(" SRV "));
    assert.deepEqual(records, [`_p._tcp.${name} 5 SRV 0 50 1 h.${name}`]);
  });
});
