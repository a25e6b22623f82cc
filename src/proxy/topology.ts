/** Which endpoints of a port this node uses. */
import { type Endpoints, isReady, isServing, isTerminating } from "./endpoints.ts";
import type { Traits } from "./packed-slice.ts";
import type { NodeFacts } from "./state.ts";

/** For traffic that may leave the node: ready endpoints as the hints narrow them, else those that still serve while they terminate. */
export function clusterChoice(endpoints: Endpoints, node: NodeFacts): Endpoints {
  const ready = endpoints.filter(isReady);
  return ready.length > 0 ? hinted(ready, node) : endpoints.filter(isLastResort);
}

/** For traffic that must stay on the node: hints do not matter. */
export function localChoice(endpoints: Endpoints): Endpoints {
  const local = endpoints.local();
  const ready = local.filter(isReady);
  return ready.length > 0 ? ready : local.filter(isLastResort);
}

/** KEP-1669: an endpoint that terminates but serves is better than none. */
export function isLastResort(traits: Traits): boolean {
  return isServing(traits) && isTerminating(traits);
}

/**
 * Hints count only when every ready endpoint has one of the kind and one of them names this node or zone
 * (EndpointHints' field docs; KEP-2433, KEP-3015): a half-labelled cluster must not starve a zone.
 */
function hinted(ready: Endpoints, node: NodeFacts): Endpoints {
  return narrowed(ready, forNodes, node.name) ?? narrowed(ready, forZones, node.zone) ?? ready;
}

type Hints = readonly { readonly name: string }[] | undefined;

const forZones = ({ hints }: Traits): Hints => hints?.forZones;
const forNodes = ({ hints }: Traits): Hints => (hints as { forNodes?: Hints } | undefined)?.forNodes;

function narrowed(
  ready: Endpoints,
  hintsOf: (traits: Traits) => Hints,
  here: string | undefined,
): Endpoints | undefined {
  if (here === undefined || !ready.traits.every((traits) => hintsOf(traits)?.length)) return undefined;
  const chosen = ready.filter((traits) => hintsOf(traits)?.some(({ name }) => name === here) ?? false);
  return chosen.length > 0 ? chosen : undefined;
}
