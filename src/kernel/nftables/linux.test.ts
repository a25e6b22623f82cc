import { it } from "node:test";
import { CLONE_NEWNET, hasCode, unshare } from "../ffi.ts";
import { nftablesSuite } from "./conformance.ts";
import { openNftables } from "./linux.ts";

function enterNewNetwork(): string | undefined {
  try {
    unshare(CLONE_NEWNET);
    return undefined;
  } catch (error) {
    if (hasCode(error, "EPERM")) return "making a network namespace needs root: run under `unshare -Urn`";
    throw error;
  }
}

const reason = enterNewNetwork();
if (reason) it("the kernel's nf_tables", { skip: reason }, () => {});
else nftablesSuite("the kernel", openNftables);
