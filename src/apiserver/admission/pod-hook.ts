/** Pods run as their namespace's ServiceAccount "default" unless they name another. Source: admission plugin ServiceAccount. */
import type { Pod } from "../../api/object.ts";
import { admitted, type WriteHook } from "./write-hook.ts";

export const podHook: WriteHook = {
  admit(object, old) {
    const { spec } = object as unknown as Pod;
    if (!old && spec) {
      spec.serviceAccountName ||= spec.serviceAccount || "default";
      spec.serviceAccount = spec.serviceAccountName;
    }
    return admitted;
  },
};
