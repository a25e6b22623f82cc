import { invalid, required } from "../field-error.ts";
import { ownField } from "../json.ts";
import type { FieldError, Kind } from "../kind.ts";
import type { Secret } from "../object.ts";
import { secrets } from "../resource.ts";
import { immutable } from "./_check.ts";
import { ageColumn, nameColumn, text } from "./_column.ts";
import { validateKeys, validateSealed, validateSize } from "./_data.ts";

const accountAnnotation = "kubernetes.io/service-account.name";
const redacted = "<secret contents redacted>";

/** Keys that a type demands. Source: Kubernetes "Types of Secret". */
const demandedKeys: Readonly<Record<string, readonly string[]>> = {
  "kubernetes.io/dockercfg": [".dockercfg"],
  "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
  "kubernetes.io/ssh-auth": ["ssh-privatekey"],
  "kubernetes.io/tls": ["tls.crt", "tls.key"],
};

function validate({ metadata, type = "", data = {} }: Secret): FieldError[] {
  const faults = [...validateKeys("data", data), ...validateSize("data", {}, data)];
  if (type === "kubernetes.io/service-account-token" && !metadata.annotations?.[accountAnnotation]) {
    faults.push(required(`metadata.annotations[${accountAnnotation}]`));
  }
  if (type === "kubernetes.io/basic-auth" && data.username === undefined && data.password === undefined) {
    faults.push(required("data[username]"), required("data[password]"));
  }
  for (const key of ownField(demandedKeys, type) ?? []) {
    const value = data[key];
    if (value === undefined) faults.push(required(`data[${key}]`));
    else if (key.startsWith(".docker") && !isJson(Buffer.from(value, "base64").toString())) {
      faults.push(invalid(`data[${key}]`, redacted, "must be valid JSON"));
    }
  }
  return faults;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** `stringData` is for writing only: its values go into `data`, over those that are there. */
function mergeStringData(secret: Secret): void {
  for (const [key, value] of Object.entries(secret.stringData ?? {})) {
    secret.data = { ...secret.data, [key]: Buffer.from(value).toString("base64") };
  }
  delete secret.stringData;
}

export const secretKind: Kind<Secret> = {
  ...secrets,
  singular: "secret",
  shortNames: [],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.core.v1.Secret",
  setDefaults(secret) {
    secret.type ||= "Opaque";
    mergeStringData(secret);
  },
  validate,
  validateUpdate: (secret, old) => [...immutable("type", secret.type, old.type), ...validateSealed(secret, old)],
  raisesGeneration: () => false,
  fieldSelectors: { type: ({ type }) => type ?? "" },
  columns: [
    nameColumn,
    text("Type", "What the Secret is for.", ({ type }) => type ?? ""),
    text("Data", "Number of keys.", ({ data }) => Object.keys(data ?? {}).length),
    ageColumn,
  ],
};
