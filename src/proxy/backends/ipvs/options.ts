/** What the operator chooses for IPVS. Names and defaults as in KubeProxyIPVSConfiguration (kubeproxy.config.k8s.io/v1alpha1). */
import { type Cidr, parseCidr } from "../../../net/cidr.ts";

export const schedulers = ["rr", "wrr", "lc", "wlc", "dh", "sh", "sed", "nq", "mh"] as const;
export type Scheduler = (typeof schedulers)[number];

export interface IpvsOptions {
  /** How a connection's server is chosen. */
  readonly scheduler: Scheduler;
  /** Virtual services with addresses in these blocks are never deleted. */
  readonly excludeCidrs: readonly Cidr[];
  /** The node answers ARP for a VIP only on the link that has it: what announces VIPs by ARP needs this. */
  readonly strictArp: boolean;
  /** Seconds; 0 leaves the kernel's value. */
  readonly tcpTimeoutSec: number;
  readonly tcpFinTimeoutSec: number;
  readonly udpTimeoutSec: number;
}

export const defaultIpvsOptions: IpvsOptions = Object.freeze({
  scheduler: "rr",
  excludeCidrs: [],
  strictArp: false,
  tcpTimeoutSec: 0,
  tcpFinTimeoutSec: 0,
  udpTimeoutSec: 0,
});

/** The options, "" for the default scheduler; throws RangeError with one sentence for what cannot be used. */
export function parseIpvsOptions(texts: {
  readonly scheduler?: string;
  readonly excludeCIDRs?: readonly string[];
}): Pick<IpvsOptions, "scheduler" | "excludeCidrs"> {
  const wanted = texts.scheduler || defaultIpvsOptions.scheduler;
  const scheduler = schedulers.find((name) => name === wanted);
  if (!scheduler)
    throw new RangeError(`Cannot use IPVS scheduler "${wanted}": it must be one of ${schedulers.join(", ")}`);
  const excludeCidrs = (texts.excludeCIDRs ?? []).map((text) => {
    const cidr = parseCidr(text);
    if (!cidr) throw new RangeError(`Cannot use excludeCIDRs "${text}": it must be a CIDR such as 10.96.5.0/24`);
    return cidr;
  });
  return { scheduler, excludeCidrs };
}
