import { nftablesSuite } from "./conformance.ts";
import { fakeNftables } from "./fake.ts";

nftablesSuite("the fake", fakeNftables);
