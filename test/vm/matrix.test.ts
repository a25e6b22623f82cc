import { guestSuite } from "./guest-suite.ts";
import { parts } from "./parts.ts";

await guestSuite("the matrix of packets through IPVS", ["guest/ipvs-packets.ts"], { only: parts.matrix });
