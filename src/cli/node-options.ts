/** Options about Nodes that fall silent, named as kube-controller-manager and kube-apiserver name them. */
import { numberOption } from "./options.ts";

export const heartbeatOptions = {
  "node-monitor-grace-period": {
    type: "string",
    value: "DURATION",
    help: "silence after which a Node is marked unreachable (default 40s)",
  },
} as const;

export const tolerationOptions = {
  "default-not-ready-toleration-seconds": {
    type: "string",
    value: "N",
    help: "how long Pods that do not say stay on a Node that is not ready (default 300)",
  },
  "default-unreachable-toleration-seconds": {
    type: "string",
    value: "N",
    help: "the same for a Node that is unreachable (default 300)",
  },
} as const;

const maxSeconds = 2 ** 31 - 1;

export interface TolerationSeconds {
  readonly notReady?: number;
  readonly unreachable?: number;
}

/** Without what was not given. */
export function tolerationSeconds(
  values: Readonly<Partial<Record<keyof typeof tolerationOptions, string | undefined>>>,
): TolerationSeconds {
  const seconds = (name: keyof typeof tolerationOptions) => numberOption(name, values[name], 0, maxSeconds);
  const notReady = seconds("default-not-ready-toleration-seconds");
  const unreachable = seconds("default-unreachable-toleration-seconds");
  return { ...(notReady === undefined ? {} : { notReady }), ...(unreachable === undefined ? {} : { unreachable }) };
}
