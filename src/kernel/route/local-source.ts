/** Which source address this host's own connections to its own addresses get. */
import { parseIp } from "../../net/ip.ts";
import { isLinkLocalUnicast, isLoopback } from "../../net/ip-scope.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { listAddresses } from "./address.ts";
import { deleteRoute, type ListedRoute, listRoutes, replaceRoute } from "./route.ts";

const localTable = 255;
const isIpv6 = ({ destination }: ListedRoute): boolean => destination.includes(":");

/**
 * New connections from here to the addresses of the link come from an address of another link, so that they outlive the link. The kernel's
 * choice is the address itself. Where the host has no other address of the family, nothing changes.
 */
export function leaveLocalSource(socket: NetlinkSocket, linkIndex: number): void {
  const routes = listRoutes(socket);
  for (const route of routes) {
    if (route.type !== "local" || route.linkIndex !== linkIndex || !route.byKernel) continue;
    const source = hostAddress(socket, routes, linkIndex, isIpv6(route));
    if (source === undefined || route.destination.startsWith("fe80:")) continue;
    const { byKernel: _byKernel, metric: _metric, ...kernels } = route;
    replaceRoute(socket, { ...kernels, source });
    // IPv6 keeps the kernel's own, whose metric is lower, beside it. A deletion takes the lowest.
    if (isIpv6(route)) deleteRoute(socket, kernels);
  }
}

/** An address of the link that the default route uses, else the first of another link's. */
function hostAddress(
  socket: NetlinkSocket,
  routes: readonly ListedRoute[],
  exceptLink: number,
  ofIpv6: boolean,
): string | undefined {
  const way = routes.find(
    (route) => route.destination.endsWith("/0") && isIpv6(route) === ofIpv6 && route.table !== localTable,
  );
  if (way?.source) return way.source;
  const candidates = listAddresses(socket).flatMap(({ linkIndex, cidr }) => {
    const address = cidr.slice(0, cidr.indexOf("/"));
    const ip = parseIp(address);
    const isUsable = ip && address.includes(":") === ofIpv6 && !isLoopback(ip) && !isLinkLocalUnicast(ip);
    return isUsable && linkIndex !== exceptLink ? [{ linkIndex, address }] : [];
  });
  return (candidates.find(({ linkIndex }) => linkIndex === way?.linkIndex) ?? candidates[0])?.address;
}
