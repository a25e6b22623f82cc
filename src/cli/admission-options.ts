/** Admission of the API server that is off unless it is asked for, by the names that kube-apiserver has for it. */
import { UsageError } from "./errors.ts";

const known = ["DenyServiceExternalIPs"];

export const admissionOptions = {
  "enable-admission-plugins": {
    type: "string",
    value: "NAME[,…]",
    help: `admission that is off by default: ${known.join(", ")}`,
  },
} as const;

export function enabledAdmission(values: { "enable-admission-plugins"?: string | undefined }): readonly string[] {
  const names = (values["enable-admission-plugins"] ?? "").split(",").filter(Boolean);
  const odd = names.find((name) => !known.includes(name));
  if (odd) throw new UsageError(`--enable-admission-plugins takes ${known.join(", ")}, not "${odd}"`);
  return names;
}
