import { iptablesProperties } from "./conformance.ts";

iptablesProperties("nft");
