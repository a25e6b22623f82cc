import { fakeNftables } from "./fake.ts";
import { nftablesSuite } from "./suite.ts";

nftablesSuite("the fake", fakeNftables);
