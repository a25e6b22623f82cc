/** What the node says of itself in the text format of Prometheus (pure); names are the kubelet's. */
import type { Pod } from "../../api/object.ts";

export function nodeMetrics(nodeName: string, pods: Iterable<Pod>): string {
  const all = [...pods];
  const containers = all.flatMap(({ status }) => status?.containerStatuses ?? []);
  const count = (state: "running" | "waiting" | "terminated") => containers.filter((one) => one.state?.[state]).length;
  return [
    "# HELP kubelet_node_name The node's name. The count is always 1.",
    "# TYPE kubelet_node_name gauge",
    `kubelet_node_name{node="${nodeName}"} 1`,
    "# HELP kubelet_running_pods Number of pods that have a running pod sandbox",
    "# TYPE kubelet_running_pods gauge",
    `kubelet_running_pods ${all.filter(({ status }) => status?.phase === "Running").length}`,
    "# HELP kubelet_running_containers Number of containers currently running",
    "# TYPE kubelet_running_containers gauge",
    `kubelet_running_containers{container_state="created"} ${count("waiting")}`,
    `kubelet_running_containers{container_state="exited"} ${count("terminated")}`,
    `kubelet_running_containers{container_state="running"} ${count("running")}`,
    "",
  ].join("\n");
}
