import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { computeService } from "../../compute.ts";
import type { ServicePort } from "../../state.ts";
import { nodeA, type ServiceFixture, service, settings, slice } from "../../testing/fixtures.ts";
import { baseContributions } from "./base.ts";
import type { Context } from "./contribution.ts";
import { Model } from "./model.ts";
import { type Observed, plan, take } from "./plan.ts";
import { renderPort } from "./render.ts";
import { restoreTexts } from "./text.ts";

const context: Context = { family: "IPv4", settings: settings() };
const here = "10.244.0.11";
const there = { ip: "10.244.1.13", node: "node-b" };
type Endpoints = Parameters<typeof slice>[0];

const ports = (fixture: ServiceFixture, endpoints: Endpoints): readonly ServicePort[] =>
  computeService(service(fixture), [slice(endpoints)], nodeA);

const nothing = (): Observed => ({ chains: new Map(), jumps: new Set() });

/** Hashes as letters, in the order in which they appear; stamps and comments left out: they are tested by themselves. */
function readable(text: string): string {
  const names = new Map<string, string>();
  return text
    .replace(/-m comment --comment "[^"]*" /g, "")
    .replace(/(?<=FAIRLEAD-(?:SVC|SVL|EXT|FW)?-?)[0-9a-f]{15}/g, (hash) => {
      const name = names.get(hash) ?? String.fromCharCode(97 + names.size);
      names.set(hash, name);
      return name;
    })
    .replace(/ --mask 255.255.255.255 --rsource/g, "");
}

/** What the Service adds to an empty model, chain by chain. */
function chainsOf(fixture: ServiceFixture, endpoints: Endpoints): string[] {
  const model = new Model();
  model.set(
    "default/web",
    ports(fixture, endpoints).flatMap((port) => renderPort(port, context)),
  );
  const lines = [...model.keys()].flatMap((key) => model.rules(key).map((rule) => `${key} ${rule}`));
  return readable(lines.join("\n"))
    .split("\n")
    .filter((line) => !/0\.0\.0\.1\/|0\.0\.0\.11\//.test(line));
}

const closedPort = "filter FAIRLEAD-VIP-01 -d 10.96.0.1/32 ! -p icmp -j FAIRLEAD-REJECT";
const hairpin = "nat FAIRLEAD-LOOP-0B -s 10.244.0.11/32 -d 10.244.0.11/32 -j MASQUERADE --random-fully";

const cases: { name: string; fixture: ServiceFixture; endpoints: Endpoints; want: string[] }[] = [
  {
    name: "P61 P229 a clusterIP with two endpoints: each by half",
    fixture: {},
    endpoints: [here, there],
    want: [
      "nat FAIRLEAD-VIP-01 -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j FAIRLEAD-FOREIGN",
      "nat FAIRLEAD-VIP-01 -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -g FAIRLEAD-SVC-a",
      closedPort,
      "nat FAIRLEAD-SVC-a -p tcp -m statistic --mode random --probability 0.50000000000 -j DNAT --to-destination 10.244.0.11:8080",
      "nat FAIRLEAD-SVC-a -p tcp -j DNAT --to-destination 10.244.1.13:8080",
      hairpin,
    ],
  },
  {
    name: "P97 affinity: first those who know the client",
    fixture: { sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } },
    endpoints: [here],
    want: [
      "nat FAIRLEAD-VIP-01 -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j FAIRLEAD-FOREIGN",
      "nat FAIRLEAD-VIP-01 -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -g FAIRLEAD-SVC-a",
      closedPort,
      "nat FAIRLEAD-SVC-a -p tcp -m recent --update --seconds 60 --reap --name FAIRLEAD-b -j DNAT --to-destination 10.244.0.11:8080",
      "nat FAIRLEAD-SVC-a -p tcp -m recent --set --name FAIRLEAD-b -j DNAT --to-destination 10.244.0.11:8080",
      hairpin,
    ],
  },
  {
    name: "P80 no endpoints: refused by clusterIP and node port",
    fixture: { type: "NodePort", ports: [{ port: 80, nodePort: 30080 }] },
    endpoints: [],
    want: [
      "filter FAIRLEAD-CLOSED -m addrtype --dst-type LOCAL -j FAIRLEAD-NODEPORTS",
      "filter FAIRLEAD-VIP-01 -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j FAIRLEAD-REJECT",
      closedPort,
      "filter FAIRLEAD-NODEPORTS -p tcp -m tcp --dport 30080:30143 -j FAIRLEAD-NP-TCP-30080",
      "filter FAIRLEAD-NP-TCP-30080 -p tcp -m tcp --dport 30080 -j FAIRLEAD-REJECT",
    ],
  },
  {
    name: "P82 externalTrafficPolicy Local: Pods and the node to any endpoint, others to this node's, unmasqueraded",
    fixture: { type: "NodePort", ports: [{ port: 80, nodePort: 30080 }], externalTrafficPolicy: "Local" },
    endpoints: [here, there],
    want: [
      "nat FAIRLEAD-SERVICES -m addrtype --dst-type LOCAL -j FAIRLEAD-NODEPORTS",
      "nat FAIRLEAD-VIP-01 -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j FAIRLEAD-FOREIGN",
      "nat FAIRLEAD-VIP-01 -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -g FAIRLEAD-SVC-a",
      closedPort,
      "nat FAIRLEAD-NODEPORTS -p tcp -m tcp --dport 30080:30143 -j FAIRLEAD-NP-TCP-30080",
      "nat FAIRLEAD-NP-TCP-30080 -p tcp -m tcp --dport 30080 -g FAIRLEAD-EXT-a",
      "nat FAIRLEAD-EXT-a -s 10.244.0.0/16 -g FAIRLEAD-SVC-a",
      "nat FAIRLEAD-EXT-a -m addrtype --src-type LOCAL -j MARK --set-xmark 0x4000/0x4000",
      "nat FAIRLEAD-EXT-a -m addrtype --src-type LOCAL -g FAIRLEAD-SVC-a",
      "nat FAIRLEAD-EXT-a -g FAIRLEAD-SVL-a",
      "nat FAIRLEAD-SVC-a -p tcp -m statistic --mode random --probability 0.50000000000 -j DNAT --to-destination 10.244.0.11:8080",
      "nat FAIRLEAD-SVC-a -p tcp -j DNAT --to-destination 10.244.1.13:8080",
      "nat FAIRLEAD-SVL-a -p tcp -j DNAT --to-destination 10.244.0.11:8080",
      hairpin,
    ],
  },
  {
    name: "P125 source ranges: others are dropped before the nat table",
    fixture: {
      type: "LoadBalancer",
      ports: [{ port: 80 }],
      ingress: [{ ip: "192.168.70.1" }],
      loadBalancerSourceRanges: ["192.168.50.0/24"],
    },
    endpoints: [],
    want: [
      "filter FAIRLEAD-VIP-01 -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j FAIRLEAD-REJECT",
      "filter FAIRLEAD-VIP-01 -d 192.168.70.1/32 -p tcp -m tcp --dport 80 -j FAIRLEAD-REJECT",
      closedPort,
      "mangle FAIRLEAD-VIP-01 -d 192.168.70.1/32 -p tcp -m tcp --dport 80 -j FAIRLEAD-FW-a",
      "mangle FAIRLEAD-FW-a -s 192.168.50.0/24 -j RETURN",
      "mangle FAIRLEAD-FW-a -j DROP",
    ],
  },
];

describe("iptables: renderPort()", () => {
  for (const { name, fixture, endpoints, want } of cases) {
    it(name, () => assert.deepEqual(chainsOf(fixture, endpoints), want));
  }
});

describe("iptables: plan() and restoreTexts()", () => {
  const write = (model: Model, observed: Observed, maxRules = 1000): string => {
    const steps = plan(observed, model, [...model.dirty]);
    take(observed, steps);
    model.clean();
    return readable(restoreTexts(steps, maxRules).join("---\n"));
  };
  const renderAll = (fixture: ServiceFixture, endpoints: Endpoints) =>
    ports(fixture, endpoints).flatMap((port) => renderPort(port, context));
  const started = (): { model: Model; observed: Observed } => {
    const model = new Model();
    const observed = nothing();
    model.set("", baseContributions(context));
    model.set("default/web", renderAll({}, [there]));
    write(model, observed);
    return { model, observed };
  };
  it("P166 answers of translated connections pass where forwarded packets are dropped", () => {
    const { model } = started();
    assert.deepEqual(model.rules("filter FAIRLEAD-FORWARD" as Parameters<Model["rules"]>[0]).slice(-2), [
      "-m mark --mark 0x4000/0x4000 -j ACCEPT",
      "-m conntrack --ctstate DNAT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    ]);
  });
  it("writes nothing when nothing changed", () => {
    const { model, observed } = started();
    model.set("default/web", renderAll({}, [there]));
    assert.equal(write(model, observed), "");
    assert.deepEqual(plan(observed, model, model.keys()), []);
  });
  it("an endpoint's change rewrites one chain", () => {
    const { model, observed } = started();
    model.set("default/web", renderAll({}, [{ ip: "10.244.1.14", node: "node-b" }]));
    assert.equal(
      write(model, observed),
      `*nat
:FAIRLEAD-SVC-a - [0:0]
-A FAIRLEAD-SVC-a -p tcp -j DNAT --to-destination 10.244.1.14:8080
COMMIT
`,
    );
  });
  it("P209 refuses first, then takes the way away; opens the way first, then refuses no more", () => {
    const { model, observed } = started();
    model.set("default/web", renderAll({}, []));
    const closing = write(model, observed);
    assert.deepEqual(closing.match(/^\*.*/gm), ["*filter", "*nat"]);
    model.set("default/web", renderAll({}, [there]));
    const opening = write(model, observed);
    assert.deepEqual(opening.match(/^\*.*/gm), ["*nat", "*filter"]);
  });
  it("P227 parts a large first load so that our jumps come last, before all rules of others, and no rule names a chain that is not there yet", () => {
    const model = new Model();
    model.set("", baseContributions(context));
    for (let n = 1; n < 40; n++) {
      const fixture: ServiceFixture = {
        name: `s${n}`,
        clusterIP: `10.96.0.${n}`,
        type: "NodePort",
        externalTrafficPolicy: "Local",
        ports: [{ port: 80, nodePort: 30000 + n }],
      };
      const slices = [slice([here, there], { of: `s${n}` })];
      model.set(
        `default/s${n}`,
        computeService(service(fixture), slices, nodeA).flatMap((port) => renderPort(port, context)),
      );
    }
    const texts = restoreTexts(plan(nothing(), model, [...model.dirty]), 50);
    assert.ok(texts.length > 5);
    const made = new Set<string>();
    let reached = false;
    for (const text of texts) {
      const [, table = ""] = /^\*(\w+)/.exec(text) ?? [];
      let now = table;
      for (const line of text.split("\n")) {
        if (line.startsWith("*")) now = line.slice(1);
        if (line.startsWith(":")) made.add(`${now} ${line.slice(1, line.indexOf(" "))}`);
        const target = / -[jg] (FAIRLEAD-\S+)/.exec(line)?.[1];
        if (target) assert.ok(made.has(`${now} ${target}`), `${now}: ${line}`);
        if (now === "nat" && line.startsWith("-I PREROUTING 1 ")) reached = true;
        else if (now === "nat") assert.ok(!reached || line.startsWith("-I") || line === "COMMIT" || line === "", line);
      }
    }
    assert.ok(reached);
  });
});
