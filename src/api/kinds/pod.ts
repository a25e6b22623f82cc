import { forbidden } from "../field-error.ts";
import type { Kind } from "../kind.ts";
import type { Pod } from "../object.ts";
import { pods } from "../resource.ts";
import { validateEphemeralUpdate } from "./_ephemeral-validate.ts";
import { setPodSpecDefaults } from "./_pod-defaults.ts";
import { validatePodSpec } from "./_pod-validate.ts";
import { warnAboutPodSpec } from "./_pod-warnings.ts";
import { podColumns } from "./pod-columns.ts";
import { qosClassOf } from "./pod-qos.ts";
import { takeResources, validatePodResize } from "./pod-resize.ts";
import { validatePodUpdate } from "./pod-update.ts";

/** `podIP` is the old form of `podIPs[0]`; each is filled from the other. */
function alignPodIps({ status }: Pod): void {
  const first = status?.podIPs?.[0]?.ip;
  if (status && first) status.podIP = first;
  else if (status?.podIP) status.podIPs = [{ ip: status.podIP }];
}

export const podKind: Kind<Pod> = {
  ...pods,
  singular: "pod",
  shortNames: ["po"],
  categories: ["all"],
  status: true,
  statusKeeps: ["ownerReferences"],
  subresources: [
    "log",
    "exec",
    "attach",
    "portforward",
    "proxy",
    "binding",
    "eviction",
    "ephemeralcontainers",
    "resize",
  ],
  schema: "io.k8s.api.core.v1.Pod",
  setDefaults(pod) {
    pod.spec ??= { containers: [] };
    setPodSpecDefaults(pod.spec);
    pod.spec.enableServiceLinks ??= true;
    alignPodIps(pod);
  },
  prepareForCreate(pod) {
    Object.assign(pod, { status: { phase: "Pending", qosClass: qosClassOf(pod.spec) } });
  },
  validate({ spec }, old) {
    const faults = validatePodSpec("spec", spec);
    if (!old && spec.ephemeralContainers?.length) {
      faults.push(forbidden("spec.ephemeralContainers", "cannot be set on create"));
    }
    return faults;
  },
  validateUpdate: validatePodUpdate,
  parts: {
    ephemeralcontainers: {
      take(pod, next) {
        pod.spec.ephemeralContainers = next.spec.ephemeralContainers ?? [];
      },
      validate: validateEphemeralUpdate,
    },
    resize: { take: takeResources, validate: validatePodResize },
  },
  warnings: ({ spec }, old) => (old ? [] : warnAboutPodSpec("spec", spec)),
  fieldSelectors: {
    "spec.nodeName": ({ spec }) => spec.nodeName ?? "",
    "spec.restartPolicy": ({ spec }) => spec.restartPolicy ?? "",
    "spec.schedulerName": ({ spec }) => spec.schedulerName ?? "",
    "spec.serviceAccountName": ({ spec }) => spec.serviceAccountName ?? "",
    "spec.hostNetwork": ({ spec }) => String(spec.hostNetwork ?? false),
    "status.phase": ({ status }) => status?.phase ?? "",
    "status.podIP": ({ status }) => status?.podIPs?.[0]?.ip ?? status?.podIP ?? "",
    "status.nominatedNodeName": ({ status }) => status?.nominatedNodeName ?? "",
  },
  columns: podColumns,
};
