import { iptablesProperties } from "./conformance.ts";

iptablesProperties("legacy");
