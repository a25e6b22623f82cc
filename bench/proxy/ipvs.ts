/** IPVS, which this kernel may not have, in the virtual machine of test/vm: its processor is emulated, so only ratios within it mean something. */
import { join } from "node:path";
import { findMachine, runInMachine } from "../../test/vm/machine.ts";
import { type GuestResult, resultMark } from "./guest/result.ts";
import { short } from "./statistics.ts";

const timeoutMs = 240_000;

/** Rows for a table, and why there are no more of them. */
export async function measureIpvs(sizes: readonly number[]): Promise<{ rows: object[]; failure: string | undefined }> {
  const machine = findMachine();
  if (typeof machine === "string") return { rows: [], failure: machine };
  const results: GuestResult[] = [];
  const console: string[] = [];
  const main = join(import.meta.dirname, "guest", "main.ts");
  const command = `cd / && '${process.execPath}' '${main}' ${sizes.join(" ")}`;
  const onLine = (line: string) => {
    if (line.startsWith(resultMark)) results.push(JSON.parse(line.slice(resultMark.length)) as GuestResult);
    else console.push(line);
  };
  const failure = await runInMachine(machine, { command, timeoutMs, onLine }).then(
    (code) => (code === 0 ? undefined : `it ended with ${code}: ${console.slice(-10).join("; ")}`),
    (error: Error) => error.message,
  );
  return { rows: results.filter(({ mode }) => mode === "ipvs").map((one) => rowOf(one, results)), failure };
}

function rowOf(ipvs: GuestResult, results: readonly GuestResult[]): object {
  const nftables = results.find(({ mode, size }) => mode === "nftables" && size === ipvs.size) ?? ipvs;
  const [first, middle, last] = ipvs.connections;
  return {
    services: ipvs.size,
    "first load, of nftables": short(ipvs.coldMs / nftables.coldMs),
    "change p50, of nftables": short(ipvs.p50Ms / nftables.p50Ms),
    "change p99, of nftables": short(ipvs.p99Ms / nftables.p99Ms),
    first: short(first),
    middle: short(middle),
    last: short(last),
    "first packet": short(ipvs.firstPacket),
    throughput: short(ipvs.throughput),
    "nftables: last": short(nftables.connections[2]),
  };
}
