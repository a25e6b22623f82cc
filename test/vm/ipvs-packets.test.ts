import { guestSuite } from "./guest-suite.ts";

await guestSuite("packets through ipvs", "guest/ipvs-packets.ts");
