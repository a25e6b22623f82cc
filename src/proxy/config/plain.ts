/** The configuration as plain data, in the form of the file: for /configz and --write-config-to. */
import { formatDuration } from "../../lib/duration.ts";
import { type Field, fields, type Value } from "./fields.ts";
import type { Values } from "./values.ts";

export const apiVersion = "kubeproxy.config.k8s.io/v1alpha1";
export const kind = "KubeProxyConfiguration";

/** What `values` and the defaults say. */
export function plainDocument(values: Values): Record<string, unknown> {
  const document: Record<string, unknown> = { apiVersion, kind };
  for (const field of fields) {
    const parts = field.path.split(".");
    const last = parts.pop() ?? "";
    let at = document;
    for (const part of parts) {
      at[part] ??= {};
      at = at[part] as Record<string, unknown>;
    }
    at[last] = plain(field, values.get(field.path) ?? field.default);
  }
  return document;
}

function plain(field: Field, value: Value): unknown {
  if (field.kind === "duration") return formatDuration(Number(value));
  // In kube-proxy's file the pair of a dual-stack cluster is one text.
  return field.path === "clusterCIDR" && Array.isArray(value) ? value.join(",") : value;
}
