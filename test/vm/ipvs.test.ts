import { guestSuite } from "./guest-suite.ts";
import { parts } from "./parts.ts";

await guestSuite("IPVS", ["guest/ipvs-kernel.ts", "guest/ipvs-plane.ts", "guest/ipvs-packets.ts"], {
  only: parts.quick,
});
