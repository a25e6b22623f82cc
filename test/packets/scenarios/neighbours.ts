/** Other writers on the node: P215 their rules are left alone, P216 and P217 what they take from us comes back. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { answerMs, outcome } from "../probe.ts";
import { apply, empty, type Rig } from "../rig.ts";
import { a, b, type Scenario } from "./tools.ts";

/** Runs in the node's network namespace, which is this thread's; undefined when the program is not there or fails. */
function run(command: string, input?: string): string | undefined {
  const [program = "", ...args] = command.split(" ");
  const { status, stdout, error } = spawnSync(program, args, { encoding: "utf8", ...(input ? { input } : {}) });
  return error || status !== 0 ? undefined : stdout;
}

/** What an operator may have: a table with chains in every hook that we use, a map, a counter; and rules of iptables. */
const foreignTable = `table ip operator {
	map ports {
		type inet_service : verdict
		elements = { 22 : accept, 4444 : drop }
	}
	chain pre { type nat hook prerouting priority dstnat; policy accept; tcp dport 7777 redirect to :7778; }
	chain inwards { type filter hook input priority filter - 1; policy accept; tcp dport vmap @ports; }
	chain through { type filter hook forward priority filter; policy accept; ip daddr 203.0.113.9 drop; }
}
`;

const isLegacy = ({ plane }: Rig): boolean => plane.mode === "iptables" && run("nft list table ip nat") === undefined;

/** Rules of others: the table, and all that iptables knows beside ours. */
function foreignRules(rig: Rig): string {
  const variant = isLegacy(rig) ? "iptables-legacy-save" : "iptables-nft-save";
  const lines = (run(variant) ?? "").split("\n").filter((line) => /FOREIGN/.test(line) && !/FAIRLEAD/.test(line));
  return [run("nft list table ip operator"), ...lines].join("\n");
}

function addForeignRules(rig: Rig): void {
  assert.notEqual(run("nft -f -", foreignTable), undefined);
  const iptables = isLegacy(rig) ? "iptables-legacy" : "iptables-nft";
  run(`${iptables} -N FOREIGN`);
  run(`${iptables} -A FOREIGN -s 203.0.113.7/32 -j DROP`);
  run(`${iptables} -A FORWARD -d 203.0.113.8/32 -m comment --comment FOREIGN -j DROP`);
}

function removeForeignRules(rig: Rig): void {
  run("nft delete table ip operator");
  const iptables = isLegacy(rig) ? "iptables-legacy" : "iptables-nft";
  run(`${iptables} -D FORWARD -d 203.0.113.8/32 -m comment --comment FOREIGN -j DROP`);
  run(`${iptables} -F FOREIGN`);
  run(`${iptables} -X FOREIGN`);
}

const web = b.balanced();
const stage = { services: [web], slices: [b.eps("pod-b")], probes: [] };

const ask = async ({ lab }: Rig): Promise<string> =>
  outcome(
    await lab
      .order("pod-a", {
        do: "ask",
        protocol: "TCP",
        host: a.clusterIp,
        port: 80,
        times: 1,
        abreast: 1,
        timeoutMs: answerMs,
      })
      .then(({ answers = [] }) => answers[0] ?? {}),
  );

/** As rough as they come: all of nf_tables, iptables' own tables, and links that look unused. */
const vandalism: Readonly<Record<string, (rig: Rig) => void>> = {
  "all of nf_tables": () => void run("nft flush ruleset"),
  "iptables' nat table": (rig) => {
    const iptables = isLegacy(rig) ? "iptables-legacy" : "iptables-nft";
    run(`${iptables} -t nat -F`);
    run(`${iptables} -t nat -X`);
  },
  "links that look unused": () => {
    run("ip link del fairlead-ipvs0");
    run("ip link del fairlead-vips");
  },
};

/** A look may take a share of the time only: with legacy iptables, 2 %. */
const attempts = 300;
const pauseMs = 100;
/** What harms nothing of this data plane is seen to do so after some. */
const patience = 12;

export const neighbourScenarios: readonly Scenario[] = [
  {
    name: "P215 rules of others are the same, byte for byte, after changes, a look and the removal of ours",
    async run(rig) {
      await apply(empty, rig);
      addForeignRules(rig);
      try {
        const before = foreignRules(rig);
        assert.match(before, /tcp dport 7777 redirect to :7778/);
        await apply(stage, rig);
        assert.equal(await ask(rig), "pod-b");
        await apply({ ...stage, slices: [b.eps("pod-b", "pod-far")] }, rig);
        await rig.plane.verify();
        assert.equal(foreignRules(rig), before);
        await rig.plane.remove();
        assert.equal(foreignRules(rig), before);
        await apply(stage, rig);
        assert.equal(foreignRules(rig), before);
      } finally {
        removeForeignRules(rig);
      }
    },
  },
  ...Object.entries(vandalism).map(
    ([what, destroy]): Scenario => ({
      name: `P216 P217 ${what} flushed by somebody else: everything comes back by itself`,
      async run(rig) {
        await apply(empty, rig);
        await apply(stage, rig);
        assert.equal(await ask(rig), "pod-b");
        destroy(rig);
        // As the proxy's loop does it each second; a look may take a share of the time only, so that one family may be put right before the other.
        let looksWithoutRepair = 0;
        let answer: string | undefined;
        for (let n = 0; n < attempts && !(looksWithoutRepair >= patience && answer === "pod-b"); n++) {
          const report = await rig.plane.verify();
          looksWithoutRepair = report === undefined ? looksWithoutRepair + 1 : 0;
          answer = looksWithoutRepair >= patience ? await ask(rig) : undefined;
          await new Promise((resolve) => setTimeout(resolve, pauseMs));
        }
        assert.ok(looksWithoutRepair >= patience, "nothing is left to be put right");
        assert.equal(answer, "pod-b");
      },
    }),
  ),
];
