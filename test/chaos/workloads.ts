/** What runs while things are killed, and how it changes meanwhile. */

import type { TestCluster } from "../cluster/harness.ts";
import { pick, type Random } from "./random.ts";

const template = (app: string, container: object, more: object = {}) => ({
  metadata: { labels: { app } },
  spec: { terminationGracePeriodSeconds: 1, containers: [container], ...more },
});
const echo = (more: object = {}) => ({ name: "echo", image: "fairlead/echo", ...more });
const idle = { name: "idle", image: "host", command: ["/bin/sleep", "1000000"] };
const readinessProbe = { httpGet: { path: "/readyz", port: 8080 }, periodSeconds: 1 };
const service = (name: string, more: object = {}) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }], ...more },
});
const workload = (kind: string, name: string, spec: object) => ({
  apiVersion: "apps/v1",
  kind,
  metadata: { name },
  spec: { selector: { matchLabels: { app: name } }, ...spec },
});

export const objects = [
  workload("Deployment", "web", { replicas: 6, template: template("web", echo({ readinessProbe })) }),
  service("web", { type: "NodePort" }),
  workload("StatefulSet", "db", { replicas: 2, serviceName: "db", template: template("db", echo()) }),
  service("db", { clusterIP: "None" }),
  workload("DaemonSet", "everywhere", { template: template("everywhere", idle) }),
];
export const services = ["web", "db"];

/** One change of the kind that users make. */
export function churn({ kubectl, apply }: TestCluster, random: Random, step: number): string {
  const bare = `bare-${step}`;
  const changes: readonly (() => string)[] = [
    () => kubectl("scale", "deployment", "web", `--replicas=${3 + Math.floor(random() * 6)}`).stdout,
    () => kubectl("scale", "statefulset", "db", `--replicas=${1 + Math.floor(random() * 3)}`).stdout,
    () => kubectl("rollout", "restart", "deployment", "web").stdout,
    () => kubectl("delete", "pods", "-l", "app=db", "--wait=false", "--grace-period=1").stdout,
    () => kubectl("delete", "pods", "-l", "chaos=bare", "--wait=false").stdout,
    () => {
      const metadata = { name: bare, labels: { chaos: "bare" } };
      const spec = { terminationGracePeriodSeconds: 1, containers: [idle] };
      return apply(JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata, spec })).stdout;
    },
  ];
  return (pick(random, changes)?.() ?? "").trim().split("\n")[0] ?? "";
}
