/** Kernel features, tried in a throw-away network namespace: this alone tells the truth, since the kernel loads modules on demand. */
import { existsSync } from "node:fs";
import { CLONE_NEWNET, hasCode, unshare } from "./ffi.ts";
import { netKind, restoring } from "./namespace.ts";
import { MessageBuffer, NLM_F_ACK, NLM_F_CREATE } from "./netlink/message.ts";
import { NETLINK_NETFILTER, NetlinkSocket } from "./netlink/socket.ts";
import { createBridge, createVeth, openRouteSocket } from "./route/mod.ts";

/** False on a kernel that was built or booted without IPv6. */
export const hasIpv6 = (): boolean => existsSync("/proc/sys/net/ipv6");

interface Feature {
  readonly name: string;
  readonly option: string;
  readonly attempt: () => void;
}

const features: readonly Feature[] = [
  { name: "bridge links", option: "CONFIG_BRIDGE", attempt: () => withRoute((s) => createBridge(s, "probe0")) },
  {
    name: "veth links",
    option: "CONFIG_VETH",
    attempt: () => withRoute((s) => createVeth(s, { name: "probe1" }, { name: "probe2" })),
  },
  { name: "nf_tables with address translation", option: "CONFIG_NF_TABLES, CONFIG_NFT_NAT", attempt: makeNatChain },
];

/**
 * One sentence for each feature that the running kernel lacks; about 1 ms. The caller must be root, of the machine or of its user namespace:
 * an ordinary user's process outside one gets a SystemError EPERM.
 */
export function missingFeatures(): string[] {
  return restoring(netKind, () => {
    unshare(CLONE_NEWNET);
    return features.flatMap(({ name, option, attempt }) => {
      try {
        attempt();
        return [];
      } catch (error) {
        if (!hasCode(error, "EOPNOTSUPP", "EPROTONOSUPPORT", "EAFNOSUPPORT", "ENOENT", "EINVAL")) throw error;
        return [`This kernel has no ${name}: boot one built with ${option}, or install its modules package`];
      }
    });
  });
}

function withRoute(body: (socket: NetlinkSocket) => void): void {
  const socket = openRouteSocket();
  try {
    body(socket);
  } finally {
    socket.close();
  }
}

/** include/uapi/linux/netfilter/nf_tables.h and nfnetlink.h */
const NFPROTO_IPV4 = 2;
const NFNL_SUBSYS_NFTABLES = 10;
const BATCH_BEGIN = 16;
const BATCH_END = 17;
const NEWTABLE = (NFNL_SUBSYS_NFTABLES << 8) | 0;
const NEWCHAIN = (NFNL_SUBSYS_NFTABLES << 8) | 3;

function makeNatChain(): void {
  const socket = new NetlinkSocket(NETLINK_NETFILTER);
  try {
    const batch = new MessageBuffer(512);
    const mark = (type: number): void => {
      batch.begin(type, 0);
      batch.u8(0).u8(0).u16be(NFNL_SUBSYS_NFTABLES).end();
    };
    mark(BATCH_BEGIN);
    batch.begin(NEWTABLE, NLM_F_CREATE | NLM_F_ACK);
    batch.u8(NFPROTO_IPV4).u8(0).u16be(0).attrString(1, "probe").end();
    batch.begin(NEWCHAIN, NLM_F_CREATE | NLM_F_ACK);
    batch.u8(NFPROTO_IPV4).u8(0).u16be(0).attrString(1, "probe").attrString(3, "probe");
    const hook = batch.nest(4);
    batch.attrU32be(1, 0).attrU32be(2, 0).unnest(hook);
    batch.attrString(7, "nat").end();
    mark(BATCH_END);
    socket.run(batch, "use nf_tables");
  } finally {
    socket.close();
  }
}
