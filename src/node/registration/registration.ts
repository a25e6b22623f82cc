/** Keeps the node's Node and Lease. Source: "Nodes", heartbeats. */
import type { Lease, Node } from "../../api/object.ts";
import { leases, nodes } from "../../api/resource.ts";
import { type ApiClient, isAlreadyExists, isNotFound } from "../../client/client.ts";
import { retryOnConflict } from "../../client/retry-on-conflict.ts";
import { createBackoff } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { sleep } from "../../lib/sleep.ts";
import type { AgentConfig } from "../agent-config.ts";
import { isMarked, type Machine, nodeObject, nodeStatus } from "./node-object.ts";

const leaseNamespace = "kube-node-lease";
const defaultLeaseSec = 40;
/** As the kubelet: a Lease is renewed four times in its duration. */
const renewalsInLease = 4;
/** The kubelet's nodeStatusReportFrequency. */
const statusMs = 300_000;

export interface RegistrationOptions {
  readonly config: AgentConfig;
  readonly client: ApiClient;
  readonly machine: Machine;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

async function writeNode({ config, client, machine }: RegistrationOptions): Promise<void> {
  const create = () => client.create(nodes, nodeObject(config, { machine, old: undefined }));
  try {
    await create();
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const { metadata, spec } = await client.get<Node>(nodes, config.nodeName);
    if (spec?.podCIDRs && spec.podCIDRs.join() !== config.podCidrs.join()) {
      // A Node never changes the addresses of its Pods: that of a former run, with others, gives way to a new one.
      await client.delete(nodes, { name: config.nodeName }, { preconditions: { uid: metadata.uid ?? "" } });
      await create();
      return;
    }
    await retryOnConflict<Node>(client, nodes, {
      name: config.nodeName,
      change: (old) => nodeObject(config, { machine, old }),
    });
  }
}

async function writeStatus({ config, client, machine, clock }: RegistrationOptions): Promise<Node> {
  return retryOnConflict<Node>(client, nodes, {
    name: config.nodeName,
    subresource: "status",
    change: (node) => ({ ...node, status: nodeStatus(config, { machine, old: node.status, nowMs: clock.now() }) }),
  });
}

const leaseSec = ({ leaseDurationSec = defaultLeaseSec }: AgentConfig): number => leaseDurationSec;

async function renewLease({ config, client, clock }: RegistrationOptions, owner: Node): Promise<void> {
  // MicroTime: six digits.
  const renewTime = new Date(clock.now()).toISOString().replace("Z", "000Z");
  const spec = { holderIdentity: config.nodeName, leaseDurationSeconds: leaseSec(config), renewTime };
  try {
    await retryOnConflict<Lease>(client, leases, {
      name: config.nodeName,
      namespace: leaseNamespace,
      change: (lease) => ({ ...lease, spec: { ...lease.spec, ...spec } }),
    });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const { name, uid = "" } = owner.metadata;
    const ownerReferences = [{ apiVersion: "v1", kind: "Node", name, uid }];
    const metadata = { name: config.nodeName, namespace: leaseNamespace, ownerReferences };
    await client.create(leases, { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec });
  }
}

/** Resolves when the Node is written for the first time; goes on until `signal` aborts. A Node that was deleted is written anew. */
export function register(options: RegistrationOptions): Promise<void> {
  const { config, clock, log, signal } = options;
  const renewMs = (leaseSec(config) * 1000) / renewalsInLease;
  const registered = Promise.withResolvers<void>();
  const backoff = createBackoff({ initialMs: 50, maxMs: renewMs });
  const run = async () => {
    let node: Node | undefined;
    let statusAtMs = 0;
    while (!signal.aborted) {
      try {
        if (!node) await writeNode(options);
        // Whoever did not hear of this node for a while has marked it.
        if (!node || isMarked(node) || clock.now() - statusAtMs >= statusMs) {
          node = await writeStatus(options);
          statusAtMs = clock.now();
          registered.resolve();
        }
        await renewLease(options, node);
        backoff.reset();
        await sleep(renewMs, { clock, signal });
        if (!signal.aborted) node = await readNode(options);
      } catch (error) {
        if (signal.aborted) break;
        if (isNotFound(error)) node = undefined;
        log.warn("Node or its Lease could not be written", { error });
        await sleep(backoff.next(), { clock, signal });
      }
    }
    registered.resolve();
  };
  void run();
  return registered.promise;
}

async function readNode({ client, config }: RegistrationOptions): Promise<Node | undefined> {
  try {
    return await client.get<Node>(nodes, config.nodeName);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
