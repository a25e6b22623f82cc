/** Which endpoints of a port this node uses. */
import type { Candidate } from "./endpoints.ts";
import type { NodeFacts } from "./state.ts";

/** For traffic that may leave the node: ready endpoints as the hints narrow them, else those that still serve while they terminate. */
export function clusterChoice(candidates: readonly Candidate[], node: NodeFacts): Candidate[] {
  const ready = candidates.filter((candidate) => candidate.ready);
  return ready.length > 0 ? hinted(ready, node) : candidates.filter(isLastResort);
}

/** For traffic that must stay on the node: hints do not matter. */
export function localChoice(candidates: readonly Candidate[]): Candidate[] {
  const local = candidates.filter((candidate) => candidate.endpoint.local);
  const ready = local.filter((candidate) => candidate.ready);
  return ready.length > 0 ? ready : local.filter(isLastResort);
}

/** KEP-1669: an endpoint that terminates but serves is better than none. */
function isLastResort({ serving, terminating }: Candidate): boolean {
  return serving && terminating;
}

/**
 * Hints count only when every ready endpoint has one of the kind and one of them names this node or zone
 * (EndpointHints' field docs; KEP-2433, KEP-3015): a half-labelled cluster must not starve a zone.
 */
function hinted(ready: Candidate[], node: NodeFacts): Candidate[] {
  return narrowed(ready, (c) => c.forNodes, node.name) ?? narrowed(ready, (c) => c.forZones, node.zone) ?? ready;
}

function narrowed(
  ready: Candidate[],
  hintsOf: (candidate: Candidate) => readonly string[],
  here: string | undefined,
): Candidate[] | undefined {
  if (here === undefined || !ready.every((candidate) => hintsOf(candidate).length > 0)) return undefined;
  const chosen = ready.filter((candidate) => hintsOf(candidate).includes(here));
  return chosen.length > 0 ? chosen : undefined;
}
