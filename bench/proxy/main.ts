/** Runs as the first process of the bench's own namespaces (../proxy.ts); when it ends, the kernel ends and removes all the rest. */
import { existsSync } from "node:fs";
import { type Contender, ours, peer, Running } from "./contender.ts";
import { measureForwarding } from "./forwarding.ts";
import { measureIpvs } from "./ipvs.ts";
import { askOnce, createLabNode, type Lab, openLab } from "./lab.ts";
import { addBasics, addServices } from "./objects.ts";
import { parseOptions } from "./options.ts";
import { Prober } from "./prober.ts";
import { loadAverage } from "./process.ts";
import { measureChurn, measureCold } from "./programming.ts";
import { p50, p99, short } from "./statistics.ts";

/** More Services take minutes in an emulated machine. */
const mostInMachine = 1_000;
/** A change is given up on after this. */
const changeLimitMs = 30_000;
const options = parseOptions(process.argv.slice(3));
// The end of the one who started us.
process.stdin.on("end", () => process.exit(130)).resume();

const programming: object[] = [];
const forwarding: object[] = [];

async function measure(contender: Contender, lab: Lab, size: number): Promise<void> {
  const row = { plane: contender.name, services: size };
  const node = await createLabNode(lab);
  const prober = new Prober(node);
  const load = loadAverage();
  const running = new Running(contender, node, lab);
  try {
    const cold = await measureCold(running, { prober, size, limitMs: options.limitMs });
    if (cold.seconds === undefined) {
      programming.push({ ...row, "cold s": `> ${options.limitMs / 1000}`, "cold CPU s": short(cold.cpuSec) });
      return;
    }
    const { seconds } = options;
    const churn = await measureChurn(running, lab, { prober, size, seconds, limitMs: changeLimitMs });
    programming.push({
      ...row,
      "cold s": short(cold.seconds),
      "cold CPU s": short(cold.cpuSec),
      "event p50 ms": short(p50(churn.latencies)),
      "event p99 ms": short(p99(churn.latencies)),
      changes: churn.latencies.length,
      late: churn.late,
      "sync ms": short(churn.syncMs),
      "CPU s / 1000": short(churn.cpuSecPer1000),
      "RSS MiB": Math.round(churn.memory.now),
      "peak MiB": Math.round(churn.memory.peak),
      load,
    });
    const ways = measureForwarding(node, size, [lab.serverPid, running.pid]);
    const [first, middle, last] = ways.connections;
    forwarding.push({
      ...row,
      "direct/s": Math.round(ways.directPerSec),
      first: short(first),
      middle: short(middle),
      last: short(last),
      "direct connect µs": short(ways.directConnectUs),
      "first packet": short(ways.firstPacket),
      throughput: short(ways.throughput),
    });
  } finally {
    prober.stop();
    await running.stop();
    node.remove();
  }
}

/** One that cannot run here is left out, with its reason. */
async function tryToMeasure(contender: Contender, lab: Lab, size: number): Promise<void> {
  process.stderr.write(`${new Date().toISOString()} ${contender.name}, ${size} Services\n`);
  try {
    await measure(contender, lab, size);
  } catch (error) {
    console.error(`${contender.name} with ${size} Services: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}

const lab = await openLab();
await addBasics(lab.client);
if (options.peer && !existsSync(options.peer)) throw new RangeError(`There is no peer at ${options.peer}`);
const contenders = [
  ...options.planes.filter((plane) => plane !== "ipvs").map(ours),
  ...(options.peer ? options.peerModes.map((mode) => peer(options.peer ?? "", mode)) : []),
];
let made = 0;
for (const size of contenders.length > 0 ? options.sizes : []) {
  await addServices(lab.client, made, size);
  made = size;
  const seconds = await askOnce(lab);
  console.log(`The API server's first answer with ${size} Services and their slices in protobuf: ${short(seconds)} s`);
  for (const contender of contenders) await tryToMeasure(contender, lab, size);
}
if (contenders.length > 0) {
  console.log(
    "Programming: from the process's start to all Services; 100 changes a second, from the event to the kernel",
  );
  console.table(programming);
  console.log(
    "Forwarding, for the same processor time as direct connections to the Pod from the same node in the same round",
  );
  console.table(forwarding);
}
if (options.planes.includes("ipvs")) {
  console.log("IPVS in an emulated machine: ratios to nftables there, and of direct connections there");
  const { rows, failure } = await measureIpvs(options.sizes.filter((size) => size <= mostInMachine));
  if (rows.length > 0) console.table(rows);
  if (failure) console.log(`Not measured any further: ${failure}`);
}
process.exit();
