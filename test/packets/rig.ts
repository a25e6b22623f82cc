/** A data plane in the lab, and how a state becomes its state. */
import assert from "node:assert/strict";
import { parseCidr } from "../../src/net/cidr.ts";
import type { DataPlane } from "../../src/proxy/backends/port.ts";
import type { NodeFacts, ServicePort } from "../../src/proxy/state.ts";
import { settings } from "../../src/proxy/testing/fixtures.ts";
import { Tracker } from "../../src/proxy/tracker.ts";
import { addresses } from "./addresses.ts";
import type { Stage } from "./cases/case.ts";
import type { Lab } from "./lab.ts";
import type { Limits } from "./probe.ts";

export interface Rig {
  readonly lab: Lab;
  readonly plane: DataPlane;
  readonly limits: Limits;
}

const node: NodeFacts = {
  name: "node-a",
  zone: "z1",
  addresses: [addresses.IPv4.node, addresses.IPv6.node],
  podCidrs: [],
};

const cidrs = (texts: readonly string[] = []) => texts.map(parseCidr).filter((cidr) => cidr !== undefined);

export const empty: Stage = { services: [], slices: [], probes: [] };

/** The whole state as objects, computed from nothing. Returns it as the data plane got it. */
export async function apply(
  { services = [], slices = [], settings: changed = {}, node: facts = {} }: Stage,
  { plane }: Pick<Rig, "plane">,
): Promise<ReadonlyMap<string, readonly ServicePort[]>> {
  const tracker = new Tracker({ ...node, ...facts });
  for (const object of services) tracker.setService(object);
  for (const object of slices) tracker.setSlice(object);
  const state = tracker.compute();
  const { nodePortCidrs, podCidrs, ...others } = changed;
  const report = await plane.sync({
    services: state,
    full: true,
    settings: settings({
      ...others,
      nodePortCidrs: cidrs(nodePortCidrs),
      ...(podCidrs ? { podCidrs: cidrs(podCidrs) } : {}),
    }),
  });
  for (const { error, refused } of report.families) {
    assert.equal(error, undefined);
    assert.deepEqual(refused, []);
  }
  return state;
}
