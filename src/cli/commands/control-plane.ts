import { kinds } from "../../api/kinds/mod.ts";
import type { Node, Service } from "../../api/object.ts";
import { nodes, services } from "../../api/resource.ts";
import { ensurePki } from "../../apiserver/pki.ts";
import { createApiServer } from "../../apiserver/server.ts";
import { createEventRecorder } from "../../client/events.ts";
import { createInformer } from "../../client/informer.ts";
import { createClient } from "../../client/rest.ts";
import { startControllers } from "../../controllers/mod.ts";
import { createLog } from "../../lib/log.ts";
import { open } from "../../store/open-store.ts";
import { type ClusterConfig, underlayAddress } from "../cluster.ts";
import type { Command } from "../command.ts";
import { paths } from "../data-dir.ts";
import { ensureObjects } from "../ensure-objects.ts";
import { startHostGateway } from "../host-gateway.ts";
import { startLocalLoadBalancer } from "../load-balancer.ts";
import { parseOptions } from "../options.ts";
import { insideCluster, onSupervisorMessage, tellSupervisor } from "../supervisor/inside.ts";
import { systemObjects } from "../system-objects.ts";
import { ensureUnderlay } from "../underlay.ts";

const options = {
  "config-json": { type: "string", value: "JSON", help: "the cluster's facts" },
  "proxy-mode": { type: "string", value: "MODE", help: "as for up" },
  "audit-log": { type: "string", value: "FILE", help: "as for up" },
} as const;

/** The host's listening socket: the first descriptor after the supervisor's channel. */
const inheritedFd = 4;

interface Settings {
  readonly proxyMode: string;
  readonly auditLog: string | undefined;
}

async function run(config: ClusterConfig, { proxyMode, auditLog }: Settings, signal: AbortSignal): Promise<void> {
  const log = createLog();
  const all = paths(config.dataDir);
  ensureUnderlay(config);
  const apiAddress = underlayAddress(config);
  const [pki, store] = await Promise.all([
    ensurePki(all.pki, { hosts: [apiAddress], nodes: config.nodes }),
    open(all.store, { log: log.child({ component: "store" }) }),
  ]);
  let controllers: ReturnType<typeof startControllers> | undefined;
  const server = await createApiServer({
    store,
    kinds,
    pki,
    config: {
      serviceCidr: config.serviceCidrs.join(","),
      nodePortRange: config.nodePortRange,
      tolerationSeconds: config.tolerations,
      enabledAdmission: config.enabledAdmission,
      ...(auditLog ? { auditLog } : {}),
    },
    log: log.child({ component: "apiserver" }),
    moreMetrics: () => controllers?.metrics() ?? "",
  });
  await server.listen({ host: apiAddress, port: config.apiPort });
  await server.listen({ fd: inheritedFd });

  // The parts in this process still meet at the API only, but over connections in memory.
  const clientOf = (userAgent: string) => {
    const connect = () => server.connect({ name: "system:kube-controller-manager", groups: ["system:masters"] });
    return createClient({ server: "http://control-plane", connect, namespace: "default" }, { userAgent, log, signal });
  };
  const client = clientOf("fairlead-controllers");
  controllers = startControllers({
    client,
    log: log.child({ component: "controllers" }),
    signal,
    config: {
      caPem: pki.ca,
      apiServerAddress: { ip: apiAddress, port: config.apiPort },
      nodeGraceMs: config.nodeGraceMs,
    },
  });
  await ensureObjects(client, systemObjects({ config, kubeconfigs: all.kubeconfigs, sockets: all.sockets, proxyMode }));
  const lbLog = log.child({ component: "lb" });
  startLocalLoadBalancer({ client: clientOf("fairlead-lb"), pool: config.loadBalancerPool, log: lbLog, signal });
  startGateway();

  function startGateway(): void {
    const gatewayLog = log.child({ component: "host-gateway" });
    const recorder = createEventRecorder(client, { component: "fairlead-host-gateway", log: gatewayLog });
    const onMessage = startHostGateway({
      services: createInformer<Service>(client, services, { log: gatewayLog, signal }),
      nodes: createInformer<Node>(client, nodes, { log: gatewayLog, signal }),
      send: tellSupervisor,
      onRefused: (service, reason) =>
        recorder.record(service, {
          type: "Warning",
          reason: "HostPortUnavailable",
          message: `${reason}: the port answers inside the cluster only`,
        }),
    });
    onSupervisorMessage(onMessage);
  }
}

export const command: Command = {
  usage: "--config-json JSON",
  summary: "API server, controllers and load balancer of an embedded cluster",
  options,
  hidden: true,
  async run(args) {
    const { values } = parseOptions(args, options);
    const config = JSON.parse(values["config-json"] ?? "{}") as ClusterConfig;
    const settings = { proxyMode: values["proxy-mode"] ?? "auto", auditLog: values["audit-log"] };
    return insideCluster((signal) => run(config, settings, signal));
  },
};
