import { ipvsSuite } from "./conformance.ts";
import { fakeIpvs } from "./fake.ts";

ipvsSuite("the fake IPVS", fakeIpvs);
