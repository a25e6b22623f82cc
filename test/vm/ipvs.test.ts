import { guestSuite } from "./guest-suite.ts";

await guestSuite("IPVS", ["guest/ipvs-kernel.ts", "guest/ipvs-plane.ts", "guest/ipvs-retire.ts"]);
