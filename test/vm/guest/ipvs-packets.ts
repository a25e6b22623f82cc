/** Runs in the virtual machine: the packet table through IPVS. */
import { it } from "node:test";
import { createIpvsDataPlane } from "../../../src/proxy/backends/ipvs/plane.ts";
import { enterNode } from "../../packets/lab.ts";
import { packetSuite } from "../../packets/suite.ts";

const reason = enterNode();
if (reason) it("packets through ipvs", { skip: reason }, () => {});
else
  packetSuite("ipvs", () => createIpvsDataPlane(), {
    "P98 affinity holds over clusterIP, load-balancer IP and node port":
      "IPVS remembers a client for each virtual address, and not for the Service",
    "P138 a process of the node reaches a node port at 127.0.0.1":
      "IPVS sends nothing from a loopback address to another host",
    "P154 a UDP client that began before there was an endpoint reaches the first one":
      "the client reaches it, but IPVS drops the flow to a deleted server itself: none is left to be counted as stale",
    "P103 an affinity ends with its time, and not before":
      "IPVS counts the time from the end of a client's last connection, whose TIME_WAIT of two minutes is a part of it",
  });
