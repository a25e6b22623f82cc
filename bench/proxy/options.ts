/** The bench's options. */
import { parseArgs } from "node:util";

const planes = ["nftables", "ebpf", "iptables", "userspace", "ipvs"];
const usage = `npm run bench -- proxy [options]
  --planes A,B    of ${planes.join(", ")} (default all)
  --sizes N,M     numbers of Services (default 10,1000,10000)
  --peer FILE     a kube-proxy to measure beside (default KUBE_PROXY; without it only fairlead's own planes)
  --peer-modes    default nftables,iptables
  --limit SEC     how long a first load may take (default 90)
  --seconds SEC   of changes, for each plane and size (default 15)`;

export interface Options {
  readonly planes: readonly string[];
  readonly sizes: readonly number[];
  readonly peer: string | undefined;
  readonly peerModes: readonly string[];
  readonly limitMs: number;
  readonly seconds: number;
}

/** Ends the process with a sentence when the words cannot be used. */
export function parseOptions(args: readonly string[]): Options {
  try {
    return read(args);
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    process.exit(2);
  }
}

function read(args: readonly string[]): Options {
  const string = (value: string) => ({ type: "string", default: value }) as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      planes: string(planes.join(",")),
      sizes: string("10,1000,10000"),
      peer: string(process.env.KUBE_PROXY ?? ""),
      "peer-modes": string("nftables,iptables"),
      limit: string("90"),
      seconds: string("15"),
    },
  });
  const wanted = values.planes.split(",").filter(Boolean);
  const unknown = wanted.find((plane) => !planes.includes(plane));
  if (unknown) throw new RangeError(`No data plane "${unknown}"`);
  const sizes = values.sizes
    .split(",")
    .map(Number)
    .sort((a, b) => a - b);
  if (!sizes.every((size) => Number.isInteger(size) && size >= 2 && size <= 10_000))
    throw new RangeError("--sizes takes whole numbers from 2 to 10000");
  const [limit, seconds] = [Number(values.limit), Number(values.seconds)];
  if (!(limit > 0) || !(seconds >= 1)) throw new RangeError("--limit and --seconds take numbers of seconds");
  return {
    planes: wanted,
    sizes,
    peer: values.peer || undefined,
    peerModes: values["peer-modes"].split(",").filter(Boolean),
    limitMs: limit * 1000,
    seconds,
  };
}
