import assert from "node:assert/strict";
import { it } from "node:test";
import { createLog } from "../../lib/log.ts";
import { chooseDataPlane } from "./choose.ts";

it("P189 a mode that is none is refused, with those that there are", () =>
  assert.rejects(
    chooseDataPlane(
      "kernelspace",
      createLog(() => {}),
    ),
    {
      name: "RangeError",
      message: 'Cannot use proxy mode "kernelspace": it must be auto or nftables, iptables, ipvs, ebpf, userspace',
    },
  ));
