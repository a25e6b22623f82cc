/** Connection tracking of the node. */
import { MessageBuffer, NLM_F_ACK } from "../../src/kernel/netlink/message.ts";
import { NETLINK_NETFILTER, NetlinkSocket } from "../../src/kernel/netlink/socket.ts";

/** IPCTNL_MSG_CT_DELETE of NFNL_SUBSYS_CTNETLINK; without a tuple it is of all. */
const deleteAll = (1 << 8) | 2;

/**
 * Makes the kernel forget all connections of the network namespace that the thread is in. A question that nobody answered is known
 * for two minutes: were its source port drawn once more, the next one would go where it went, whatever the rules say by then.
 */
export function forgetConnections(): void {
  using socket = new NetlinkSocket(NETLINK_NETFILTER);
  const request = new MessageBuffer();
  request.begin(deleteAll, NLM_F_ACK);
  request.u8(0).u8(0).u16be(0).end();
  socket.run(request, "forget all connections");
}
