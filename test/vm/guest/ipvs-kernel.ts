/** Runs in the virtual machine: the kernel's IPVS against what is demanded of every Ipvs. */
import { CLONE_NEWNET, unshare } from "../../../src/kernel/ffi.ts";
import { ipvsSuite } from "../../../src/kernel/ipvs/conformance.ts";
import { openIpvs } from "../../../src/kernel/ipvs/linux.ts";
import { openRouteSocket, setLink } from "../../../src/kernel/route/mod.ts";

ipvsSuite("the kernel's IPVS", () => {
  unshare(CLONE_NEWNET);
  // Without a single route no address is one that packets could go to.
  const socket = openRouteSocket();
  setLink(socket, "lo", { up: true });
  socket.close();
  return openIpvs();
});
