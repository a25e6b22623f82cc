/** Where the machine and the API say different things; none: they agree in everything. */
import type { Container } from "kubernetes-types/core/v1";
import type { EndpointSlice, Node, Pod } from "../../src/api/object.ts";
import type { TestCluster } from "../cluster/harness.ts";
import type { Machine } from "./machine.ts";
import { services } from "./workloads.ts";

const read = <T>(cluster: TestCluster, ...what: string[]): T[] =>
  (JSON.parse(cluster.ok("get", ...what, "-o", "json")) as { items: T[] }).items;

/** Sentences about what is too much and too little; `wanted` is what the API says. */
function compare(what: string, found: readonly string[], wanted: readonly string[]): string[] {
  const count = (list: readonly string[], one: string) => list.filter((other) => other === one).length;
  return [...new Set([...found, ...wanted])].flatMap((one) => {
    const [there, due] = [count(found, one), count(wanted, one)];
    return there === due ? [] : [`${what}: ${one} is there ${there} times instead of ${due}`];
  });
}

const uidOf = ({ metadata }: Pod): string => metadata.uid ?? "";
const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") ?? false;

function podFaults(pods: readonly Pod[]): string[] {
  return pods.flatMap((pod) => {
    const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
    if (pod.metadata.deletionTimestamp) return [`Pod ${name} is still being deleted`];
    // A container that was killed often waits for its next start: the Pod's own back-off.
    return isReady(pod) ? [] : [`Pod ${name} is not ready`];
  });
}

function machineFaults(machine: Machine, pods: readonly Pod[], nodes: readonly string[]): string[] {
  const own = pods.filter(({ spec }) => !spec.hostNetwork);
  const uids = pods.map(uidOf);
  const running = pods.flatMap((pod) => pod.spec.containers.map((_: Container) => uidOf(pod)));
  const { mounts, cgroups } = machine.leftovers();
  const known = (list: readonly string[]) => list.filter((uid) => !uids.includes(uid));
  return [
    ...compare(
      "containers of Pod",
      machine.containers().map(({ uid }) => uid),
      running,
    ),
    ...compare("network namespace of Pod", machine.sandboxes(), own.map(uidOf)),
    ...compare("mount of a Pod that is gone", known(mounts), []),
    ...compare("cgroup of a Pod that is gone", known(cgroups), []),
    ...compare(
      "links under the nodes",
      machine.links().filter((link) => /^node-/.test(link)),
      nodes,
    ),
    ...nodes.flatMap((node) => {
      const here = pods.filter(({ spec }) => spec.nodeName === node);
      const links = machine.links(node).filter((link) => link.startsWith("veth"));
      const wanted = here.filter(({ spec }) => !spec.hostNetwork).length;
      return [
        ...compare(`folder on ${node} of Pod`, machine.folders(node), here.map(uidOf)),
        ...(links.length === wanted ? [] : [`${node} has ${links.length} links to Pods instead of ${wanted}`]),
      ];
    }),
  ];
}

function sliceFaults(slices: readonly EndpointSlice[], pods: readonly Pod[]): string[] {
  return services.flatMap((name) => {
    const mine = slices.filter(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === name);
    const ready = mine.flatMap(({ endpoints }) =>
      (endpoints ?? []).flatMap(({ addresses, conditions }) => (conditions?.ready ? addresses : [])),
    );
    const wanted = pods.filter((pod) => pod.metadata.labels?.app === name && isReady(pod));
    return compare(
      `endpoint of Service ${name}`,
      ready,
      wanted.map(({ status }) => status?.podIP ?? ""),
    );
  });
}

export function differences(cluster: TestCluster, machine: Machine): string[] {
  const nodes = read<Node>(cluster, "nodes");
  const down = nodes.filter(
    ({ status }) => !status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True"),
  );
  const tainted = nodes.filter(({ spec }) => (spec?.taints ?? []).length > 0);
  const pods = read<Pod>(cluster, "pods", "--all-namespaces");
  const names = nodes.map(({ metadata }) => metadata.name);
  return [
    ...[...down, ...tainted].map(({ metadata }) => `${metadata.name} is not ready, or has taints`),
    ...podFaults(pods),
    ...machineFaults(machine, pods, names),
    ...sliceFaults(read<EndpointSlice>(cluster, "endpointslices"), pods),
  ];
}
