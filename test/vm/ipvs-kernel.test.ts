import { guestSuite } from "./guest-suite.ts";

await guestSuite("the kernel's IPVS", "guest/ipvs-kernel.ts");
