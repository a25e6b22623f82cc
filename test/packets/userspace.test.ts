import { it } from "node:test";
import { createUserspaceDataPlane } from "../../src/proxy/backends/userspace/plane.ts";
import { enterNode } from "./lab.ts";
import { packetSuite } from "./suite.ts";

const reason = enterNode();
if (reason) it("packets through userspace", { skip: reason }, () => {});
else {
  packetSuite(
    "userspace",
    () => createUserspaceDataPlane({ reach: "network" }),
    {
      "P83 an established UDP flow outlives the change to zero endpoints, a new one is refused":
        "a UDP flow answers by its Service's socket and ends with it",
      "P154 a UDP client that began before there was an endpoint reaches the first one":
        "no flow goes stale: the client's next datagram finds the endpoint, with nothing to delete",
      "P205 a new process adopts the rules: none of 300 connections fails meanwhile":
        "the sockets end with their process",
    },
    {
      losesSource: "the endpoint's connection is the proxy's own",
      neverSilent: "a socket answers each client, or none is there and the kernel refuses",
    },
  );
}
