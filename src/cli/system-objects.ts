/** The system's own parts as a Kubernetes user finds them in kube-system: kube-proxy, coredns and the Service kube-dns. */
import { isIPv6 } from "node:net";
import type { DaemonSet, Deployment, KubeObject, Service } from "../api/object.ts";
import type { ClusterConfig } from "./cluster.ts";
import { compileCacheDir } from "./program.ts";

const systemNamespace = "kube-system";

/** Where an agent finds a system Pod's kubeconfig: written by the supervisor, reached by hostPath. */
export interface SystemObjectsOptions {
  readonly config: ClusterConfig;
  readonly kubeconfigs: string;
  readonly sockets: string;
  readonly proxyMode: string;
}

/** These Pods have kubeconfigs of their own, and start before anything else. */
const withoutToken = { automountServiceAccountToken: false };
const tolerateAll = [{ operator: "Exists" }];
const systemEnvironment = [{ name: "NODE_COMPILE_CACHE", value: compileCacheDir }];
/** Weights go up to 100 (core/v1 WeightedPodAffinityTerm). */
const onOtherNodes = {
  weight: 100,
  podAffinityTerm: {
    labelSelector: { matchLabels: { "k8s-app": "kube-dns" } },
    topologyKey: "kubernetes.io/hostname",
  },
};
const labelsOf = (app: string) => ({ "k8s-app": app });

/** A folder of the host, seen at the same path in the container. */
const hostFolder = (name: string, path: string) => ({
  volume: { name, hostPath: { path } },
  mount: { name, mountPath: path, readOnly: true },
});

function kubeProxy({ config, kubeconfigs, proxyMode }: SystemObjectsOptions): DaemonSet {
  const folder = hostFolder("kubeconfigs", kubeconfigs);
  const args = [
    "proxy",
    `--kubeconfig=${kubeconfigs}/kube-proxy`,
    "--node-name=$(NODE_NAME)",
    `--proxy-mode=${proxyMode}`,
    `--cluster-cidr=${config.podCidrs.join(",")}`,
    `--service-cidr=${config.serviceCidrs.join(",")}`,
  ];
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "kube-proxy", namespace: systemNamespace, labels: labelsOf("kube-proxy") },
    spec: {
      selector: { matchLabels: labelsOf("kube-proxy") },
      template: {
        metadata: { labels: labelsOf("kube-proxy") },
        spec: {
          hostNetwork: true,
          ...withoutToken,
          priorityClassName: "system-node-critical",
          terminationGracePeriodSeconds: 5,
          tolerations: tolerateAll,
          containers: [
            {
              name: "kube-proxy",
              image: "fairlead",
              args,
              securityContext: { privileged: true },
              env: [
                ...systemEnvironment,
                { name: "NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
              ],
              ports: [
                { name: "healthz", containerPort: 10256, protocol: "TCP" },
                { name: "metrics", containerPort: 10249, protocol: "TCP" },
              ],
              // Ready when the first rules are in place; later a slow look is enough.
              startupProbe: { httpGet: { path: "/readyz", port: 10256 }, periodSeconds: 1, failureThreshold: 60 },
              readinessProbe: { httpGet: { path: "/readyz", port: 10256 }, periodSeconds: 30 },
              volumeMounts: [folder.mount],
            },
          ],
          volumes: [folder.volume],
        },
      },
    },
  };
}

function coredns({ config, kubeconfigs, sockets }: SystemObjectsOptions): Deployment {
  const folders = [hostFolder("kubeconfigs", kubeconfigs), hostFolder("sockets", sockets)];
  const args = [
    "dns",
    `--kubeconfig=${kubeconfigs}/coredns`,
    `--cluster-domain=${config.clusterDomain}`,
    ...(config.dnsAddresses.some((address) => isIPv6(address)) ? ["--listen=[::]:53"] : []),
    `--upstream=unix:${sockets}/dns.sock`,
  ];
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "coredns", namespace: systemNamespace, labels: labelsOf("kube-dns") },
    spec: {
      // Names are to resolve when a node dies, and their server moves then like any Pod.
      replicas: Math.min(config.nodes.length, 2),
      selector: { matchLabels: labelsOf("kube-dns") },
      template: {
        metadata: { labels: labelsOf("kube-dns") },
        spec: {
          dnsPolicy: "Default",
          ...withoutToken,
          priorityClassName: "system-cluster-critical",
          terminationGracePeriodSeconds: 5,
          tolerations: [{ operator: "Exists", effect: "NoSchedule" }],
          affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [onOtherNodes] } },
          containers: [
            {
              name: "coredns",
              image: "fairlead",
              args,
              env: systemEnvironment,
              ports: [
                { name: "dns", containerPort: 53, protocol: "UDP" },
                { name: "dns-tcp", containerPort: 53, protocol: "TCP" },
                { name: "metrics", containerPort: 9153, protocol: "TCP" },
              ],
              readinessProbe: { httpGet: { path: "/ready", port: 8181 }, periodSeconds: 1 },
              livenessProbe: { httpGet: { path: "/health", port: 8080 }, initialDelaySeconds: 10, failureThreshold: 5 },
              volumeMounts: folders.map(({ mount }) => mount),
            },
          ],
          volumes: folders.map(({ volume }) => volume),
        },
      },
    },
  };
}

function kubeDns({ config }: SystemObjectsOptions): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: "kube-dns",
      namespace: systemNamespace,
      labels: { ...labelsOf("kube-dns"), "kubernetes.io/name": "CoreDNS" },
    },
    spec: {
      clusterIPs: [...config.dnsAddresses],
      clusterIP: config.dnsAddresses[0] ?? "",
      ...(config.dnsAddresses.length > 1 ? { ipFamilyPolicy: "PreferDualStack" } : {}),
      selector: labelsOf("kube-dns"),
      ports: [
        { name: "dns", port: 53, protocol: "UDP", targetPort: 53 },
        { name: "dns-tcp", port: 53, protocol: "TCP", targetPort: 53 },
        { name: "metrics", port: 9153, protocol: "TCP", targetPort: 9153 },
      ],
    },
  };
}

/** In the order in which they are made: what the others need first. */
export function systemObjects(options: SystemObjectsOptions): KubeObject[] {
  return [kubeDns(options), kubeProxy(options), coredns(options)];
}
