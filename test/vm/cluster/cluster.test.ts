import { guestSuite } from "../guest-suite.ts";

await guestSuite("a cluster of two nodes through IPVS", ["guest/ipvs-cluster.ts"], { memoryMb: 3072 });
