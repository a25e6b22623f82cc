/** One packet-level question and its answer. */
import assert from "node:assert/strict";
import type { Protocol } from "../../src/proxy/state.ts";
import { type Addresses, addresses, type HostName } from "./addresses.ts";
import type { Lab } from "./lab.ts";
import type { Answer } from "./order.ts";

export interface Probe {
  readonly from: HostName;
  readonly to: string;
  /** Default 80. */
  readonly port?: number;
  /** Default TCP. */
  readonly protocol?: Protocol;
  /** UDP: a socket without a peer. */
  readonly unconnected?: true;
  /** UDP: so long are question and answer; more than 1,400 travel in fragments. */
  readonly bytes?: number;
  /** Source address, where the host has several. */
  readonly local?: string;
  /** Source port; for one question at a time. */
  readonly localPort?: number;
  /** Hosts that may answer, or how it fails. */
  readonly want: readonly HostName[] | "refused" | "silence";
  /** What the endpoint sees: the client's own address, one of the node's, or this one. */
  readonly seen?: "own" | "node" | (string & {});
  /** Ask this often, and as often again while not every host of `want` has answered. Default: once for one host, 24 times for more. */
  readonly times?: number;
  /** The same host answers always, and in all sticky probes of this client's in the stage; they are asked one by one. */
  readonly sticky?: true;
}

/** What a data plane cannot do by its nature, each with the reason; everything else of each case is asked of it all the same. */
export interface Limits {
  /** The endpoint sees another source than the client: that is not compared. */
  readonly losesSource?: string;
  /** Where the others drop a packet in silence, the client is refused or reset: that is taken for silence. */
  readonly neverSilent?: string;
}

/** How long "silence" is listened to, and at most an answer. */
export const silenceMs = 300;
export const answerMs = 3_000 * Number(process.env.FAIRLEAD_TEST_PATIENCE ?? 1);
const abreast = 6;

/** Each client's sticky probes one after the other, everything else at once. */
export async function checkAll(probes: readonly Probe[], lab: Lab, limits: Limits): Promise<void> {
  const sticky = Map.groupBy(
    probes.filter((probe) => probe.sticky),
    ({ from, local = "" }) => `${from} ${local}`,
  );
  const results = await Promise.allSettled([
    ...probes.filter((probe) => !probe.sticky).map((probe) => check(probe, lab, limits)),
    ...[...sticky.values()].map((several) => checkSticky(several, lab, limits)),
  ]);
  const failed = results.flatMap((result) => (result.status === "rejected" ? [result.reason as Error] : []));
  if (failed[1]) throw new Error(failed.map(({ message }) => message).join("\n"));
  if (failed[0]) throw failed[0];
}

async function checkSticky(probes: readonly Probe[], lab: Lab, limits: Limits): Promise<void> {
  const heard = new Set<string>();
  for (const probe of probes) {
    for (const name of await check(probe, lab, limits)) heard.add(name);
    assert.equal(heard.size, 1, `${textOf(probe)}: must stay, but ${[...heard].join(" and ")} answered`);
  }
}

/** Returns who answered. */
export async function check(probe: Probe, lab: Lab, limits: Limits): Promise<Set<string>> {
  const { want, sticky } = probe;
  const heard = await ask(probe, lab, limits);
  if (typeof want === "string" || sticky) return heard;
  // Where backends take turns (IPVS's rr), two clients that ask in step hear one each.
  if (heard.size < want.length) for (const name of await ask(probe, lab, limits)) heard.add(name);
  assert.deepEqual([...heard].sort(), [...want].sort(), `${textOf(probe)}: who answered`);
  return heard;
}

async function ask(probe: Probe, lab: Lab, limits: Limits): Promise<Set<string>> {
  const { from, to, port = 80, protocol = "TCP", unconnected, bytes, local, localPort, want, sticky } = probe;
  const { times = Array.isArray(want) && want.length > 1 ? 24 : 1 } = probe;
  const { answers = [] } = await lab.order(from, {
    do: "ask",
    protocol,
    host: to,
    port,
    times,
    abreast: sticky ? 1 : Math.min(times, abreast),
    timeoutMs: want === "silence" ? silenceMs : answerMs,
    ...(local ? { local } : {}),
    ...(localPort ? { localPort } : {}),
    ...(unconnected ? { unconnected } : {}),
    ...(bytes ? { bytes } : {}),
  });
  for (const answer of answers) checkAnswer(probe, answer, limits);
  return new Set(answers.map(({ name = "" }) => name));
}

function checkAnswer(probe: Probe, answer: Answer, limits: Limits): void {
  const { want, seen, to } = probe;
  const text = textOf(probe);
  if (typeof want === "string") {
    const isRefusedInstead = /^(refused|ECONNRESET|ended)$/.test(outcome(answer));
    if (!(want === "silence" && limits.neverSilent && isRefusedInstead)) assert.equal(outcome(answer), want, text);
    return;
  }
  const isWanted = (want as readonly string[]).includes(answer.name ?? "");
  assert.ok(isWanted, `${text}: ${outcome(answer)}, expected ${want.join(" or ")}`);
  // P78: whoever answers, the client sees the address that it asked.
  assert.equal(answer.from, to, `${text}: where the answer came from`);
  if (seen === undefined || limits.losesSource) return;
  const expected = seen === "own" ? ownAddress(probe) : seen === "node" ? nodeToward(answer.name, to) : seen;
  assert.equal(answer.peer, expected, `${text}: source at ${answer.name}`);
}

const textOf = ({ from, local, protocol = "TCP", to, port = 80 }: Probe): string =>
  `${from}${local ? ` (${local})` : ""} → ${protocol} ${to} ${port}`;

export const outcome = ({ name, failure }: Answer): string => failure ?? name ?? "nothing";

const of = (to: string): Addresses => addresses[to.includes(":") ? "IPv6" : "IPv4"];

function ownAddress({ from, local, to }: Probe): string {
  return local ?? of(to)[from];
}

/** The address that the node's own packets to the endpoint have. */
function nodeToward(name: string | undefined, to: string): string {
  const { bridge, farLink, node } = of(to);
  if (name === "pod-far" || name === "node-b") return farLink;
  return name === "outside" || name === "node" ? node : bridge;
}
