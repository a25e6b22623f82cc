/** A host of the lab: runs in a network namespace of its own, serves and connects as it is told, one JSON line at a time. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { held, hold } from "./actor/held.ts";
import { askSctp, serveSctp } from "./actor/sctp.ts";
import { stray } from "./actor/stray.ts";
import { askTcp, serveTcp } from "./actor/tcp.ts";
import { askUdp, serveUdp } from "./actor/udp.ts";
import type { Answer, Order, Tally } from "./order.ts";

type Ask = Extract<Order, { do: "ask" }>;
type Result = Answer & Tally;

const servers = { TCP: serveTcp, UDP: serveUdp, SCTP: serveSctp };
const askers = { TCP: askTcp, UDP: askUdp, SCTP: askSctp };

const handlers: { [Do in Order["do"]]: (order: Extract<Order, { do: Do }>) => Promise<Result> | Result } = {
  async run({ commands }) {
    for (const [program = "", ...args] of commands)
      execFileSync(program, args, { stdio: ["ignore", "ignore", "inherit"] });
    return {};
  },
  sysctl({ values }) {
    for (const [name, value] of Object.entries(values)) writeFileSync(`/proc/sys/${name}`, value);
    return {};
  },
  async serve({ protocol, ports, name }) {
    for (const port of ports) await servers[protocol](port, name);
    return {};
  },
  ask: askAll,
  hold: ({ key, ...target }) => hold(key, target),
  stray,
  held: ({ key, timeoutMs, bytes }) => held(key, timeoutMs, bytes),
};

async function askAll({ times, abreast, timeoutMs, ...target }: Ask): Promise<Tally> {
  const counts = new Map<string, number>();
  let left = times;
  const ask = async () => {
    while (left-- > 0) {
      const text = JSON.stringify(await askers[target.protocol](target, timeoutMs));
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: abreast }, ask));
  return { answers: [...counts].map(([text, count]) => ({ ...(JSON.parse(text) as Answer), count })) };
}

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as Order & { id: number };
  const handle = handlers[order.do] as (order: Order) => Promise<Result> | Result;
  // Orders run side by side; each answer carries its order's number.
  void (async () => {
    let answer: Result;
    try {
      answer = await handle(order);
    } catch (error) {
      answer = { failure: String(error) };
    }
    process.stdout.write(`${JSON.stringify({ ...answer, id: order.id })}\n`);
  })();
}
process.exit(0);
