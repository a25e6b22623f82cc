/** Takes away what a cluster has in containerd: its sandboxes with their containers, and images that nobody else brought. */
import { removeTopCgroups } from "../../cgroups/cgroups.ts";
import { cgroupName } from "./cgroup-parent.ts";
import { CriClient } from "./client.ts";
import { removeClusterImages } from "./images.ts";
import { removeClusterSandboxes } from "./sandboxes.ts";

export async function removeCluster(socket: string, cluster: string): Promise<void> {
  const client = new CriClient(socket);
  try {
    await removeClusterSandboxes(client, cluster);
    await removeClusterImages(client, cluster);
    removeTopCgroups(cgroupName(cluster));
  } finally {
    client.close();
  }
}
