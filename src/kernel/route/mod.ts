/** rtnetlink: links, addresses, routes and neighbours of one network namespace. Each function takes the socket of that namespace. */
import { NETLINK_ROUTE, NetlinkSocket } from "../netlink/socket.ts";

export * from "./address.ts";
export * from "./link.ts";
export * from "./local-source.ts";
export * from "./neighbour.ts";
export * from "./route.ts";

/** A socket for the functions of this folder, of the network namespace that the thread is in now; close it after use. */
export function openRouteSocket(): NetlinkSocket {
  return new NetlinkSocket(NETLINK_ROUTE);
}
