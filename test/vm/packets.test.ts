import { guestSuite } from "./guest-suite.ts";
import { parts } from "./parts.ts";

await guestSuite("packets through IPVS", ["guest/ipvs-packets.ts"], { only: parts.rest });
