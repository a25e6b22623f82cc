import { guestSuite } from "./guest-suite.ts";
import { parts } from "./parts.ts";

await guestSuite("the balance of connections through IPVS", ["guest/ipvs-packets.ts"], { only: parts.balance });
