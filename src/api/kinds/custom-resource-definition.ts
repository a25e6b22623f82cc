import { duplicate, forbidden, invalid, notSupported, required } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import { checkDns1035Label, checkDnsLabel, checkDnsSubdomain } from "../names.ts";
import type { CustomResourceDefinition } from "../object.ts";
import { customResourceDefinitions } from "../resource.ts";
import { checked, immutable } from "./_check.ts";
import { createdAtColumn, nameColumn } from "./_column.ts";
import { defaultWebhookClient, validateWebhookClient } from "./_webhook-client.ts";

const scopes = ["Cluster", "Namespaced"];
const columnTypes = ["integer", "number", "string", "boolean", "date"];
/** The definition stays until its objects are gone. */
export const cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

type Spec = CustomResourceDefinition["spec"];
type Version = Spec["versions"][number];

function setDefaults(definition: CustomResourceDefinition): void {
  definition.spec ??= {} as Spec;
  const { spec } = definition;
  spec.names ??= {} as Spec["names"];
  const { names } = spec;
  names.singular ||= (names.kind ?? "").toLowerCase();
  names.listKind ||= `${names.kind ?? ""}List`;
  spec.conversion ??= { strategy: "None" };
  defaultWebhookClient(spec.conversion.webhook?.clientConfig);
  for (const { additionalPrinterColumns = [] } of spec.versions ?? []) {
    for (const column of additionalPrinterColumns) if (column.priority === 0) delete column.priority;
  }
}

function validateNames({ names }: Spec): FieldError[] {
  const faults: FieldError[] = [];
  const { plural = "", singular = "", kind = "", listKind = "", shortNames = [], categories = [] } = names ?? {};
  if (!plural) faults.push(required("spec.names.plural"));
  else faults.push(...checked("spec.names.plural", plural, checkDnsLabel(plural)));
  if (!kind) faults.push(required("spec.names.kind"));
  else faults.push(...checked("spec.names.kind", kind, checkDnsLabel(kind.toLowerCase())));
  if (singular) faults.push(...checked("spec.names.singular", singular, checkDnsLabel(singular)));
  if (listKind) faults.push(...checked("spec.names.listKind", listKind, checkDnsLabel(listKind.toLowerCase())));
  if (kind && kind === listKind) {
    faults.push(invalid("spec.names.listKind", listKind, "kind and listKind may not be the same"));
  }
  for (const [field, texts] of Object.entries({ shortNames, categories })) {
    for (const [index, text] of texts.entries()) {
      faults.push(...checked(`spec.names.${field}[${index}]`, text, checkDnsLabel(text)));
    }
  }
  return faults;
}

function validateColumns(version: Version, path: string): FieldError[] {
  return (version.additionalPrinterColumns ?? []).flatMap(({ name, type, jsonPath }, index) => {
    const place = `${path}.additionalPrinterColumns[${index}]`;
    const faults = name ? [] : [required(`${place}.name`)];
    if (!type) faults.push(required(`${place}.type`, `must be one of ${columnTypes.join(",")}`));
    else if (!columnTypes.includes(type)) faults.push(notSupported(`${place}.type`, type, columnTypes));
    if (!jsonPath) faults.push(required(`${place}.jsonPath`));
    else if (!/^[.[]/.test(jsonPath)) {
      faults.push(invalid(`${place}.jsonPath`, jsonPath, "must be a json path with leading dot"));
    }
    return faults;
  });
}

function validateScale({ subresources }: Version, path: string): FieldError[] {
  const scale = subresources?.scale;
  if (!scale) return [];
  const inside = (field: string, value: string | undefined, section: string, needed = true): FieldError[] => {
    const place = `${path}.subresources.scale.${field}`;
    if (!value) return needed ? [required(place)] : [];
    return value.startsWith(`.${section}.`) ? [] : [invalid(place, value, `should be a json path under .${section}`)];
  };
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = scale;
  const selectorIn = labelSelectorPath?.startsWith(".spec.") ? "spec" : "status";
  return [
    ...inside("specReplicasPath", specReplicasPath, "spec"),
    ...inside("statusReplicasPath", statusReplicasPath, "status"),
    ...inside("labelSelectorPath", labelSelectorPath, selectorIn, false),
  ];
}

function validateVersions({ versions = [] }: Spec): FieldError[] {
  const faults: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, version] of versions.entries()) {
    const path = `spec.versions[${index}]`;
    const { name = "", schema } = version;
    faults.push(...checked(`${path}.name`, name, checkDnsLabel(name)));
    if (seen.has(name)) faults.push(duplicate(`${path}.name`, name));
    seen.add(name);
    if (!schema?.openAPIV3Schema) {
      faults.push(required(`${path}.schema.openAPIV3Schema`, "schemas are required"));
    }
    faults.push(...validateColumns(version, path), ...validateScale(version, path));
  }
  const stored = versions.filter(({ storage }) => storage).length;
  if (stored !== 1) {
    faults.push(invalid("spec.versions", versions, "must have exactly one version marked as storage version"));
  }
  return faults;
}

const reviewVersions = ["v1", "v1beta1"];

function validateReviewVersions(field: string, versions: readonly string[]): FieldError[] {
  if (versions.length === 0) return [required(field)];
  const faults = versions.flatMap((version, index) => {
    const place = `${field}[${index}]`;
    if (versions.indexOf(version) < index) return [invalid(place, version, "duplicate version")];
    return checked(place, version, checkDns1035Label(version));
  });
  const known = versions.some((version) => reviewVersions.includes(version));
  return known
    ? faults
    : [...faults, invalid(field, versions, `must include at least one of ${reviewVersions.join(", ")}`)];
}

/** The fields' names are those of the form that Kubernetes validates. */
function validateConversion({ conversion }: Spec): FieldError[] {
  const path = "spec.conversion";
  const { strategy, webhook } = conversion ?? {};
  if (!strategy) return [required(`${path}.strategy`)];
  if (strategy === "None") {
    if (!webhook) return [];
    const why = "should not be set when strategy is not set to Webhook";
    return [
      ...(webhook.clientConfig ? [forbidden(`${path}.webhookClientConfig`, why)] : []),
      ...(webhook.conversionReviewVersions?.length ? [forbidden(`${path}.conversionReviewVersions`, why)] : []),
    ];
  }
  if (strategy !== "Webhook") return [notSupported(`${path}.strategy`, strategy, ["None", "Webhook"])];
  const client = webhook?.clientConfig
    ? validateWebhookClient(`${path}.webhookClientConfig`, webhook.clientConfig)
    : [required(`${path}.webhookClientConfig`, "required when strategy is set to Webhook")];
  return [
    ...client,
    ...validateReviewVersions(`${path}.conversionReviewVersions`, webhook?.conversionReviewVersions ?? []),
  ];
}

function validate({ metadata, spec }: CustomResourceDefinition): FieldError[] {
  const { group = "", names, scope } = spec;
  const faults = group ? checked("spec.group", group, checkDnsSubdomain(group)) : [required("spec.group")];
  if (group && !group.includes("."))
    faults.push(invalid("spec.group", group, "should be a domain with at least one dot"));
  if (!scope) faults.push(required("spec.scope"));
  else if (!scopes.includes(scope)) faults.push(notSupported("spec.scope", scope, scopes));
  if ((spec as { preserveUnknownFields?: boolean }).preserveUnknownFields) {
    faults.push(invalid("spec.preserveUnknownFields", true, "must be false in order to use defaults in the schema"));
  }
  const wanted = `${names?.plural ?? ""}.${group}`;
  if (metadata.name !== wanted) {
    faults.push(invalid("metadata.name", metadata.name, `must be spec.names.plural+"."+spec.group`));
  }
  return [...faults, ...validateNames(spec), ...validateVersions(spec), ...validateConversion(spec)];
}

function validateUpdate({ spec, status }: CustomResourceDefinition, old: CustomResourceDefinition): FieldError[] {
  const faults = [...immutable("spec.group", spec.group, old.spec.group)];
  faults.push(...immutable("spec.names.plural", spec.names.plural, old.spec.names.plural));
  const established = old.status?.conditions?.some((one) => one.type === "Established" && one.status === "True");
  if (established) {
    faults.push(...immutable("spec.scope", spec.scope, old.spec.scope));
    faults.push(...immutable("spec.names.kind", spec.names.kind, old.spec.names.kind));
  }
  for (const [index, name] of (status?.storedVersions ?? []).entries()) {
    if (spec.versions.some((version) => version.name === name)) continue;
    faults.push(invalid(`status.storedVersions[${index}]`, name, "must appear in spec.versions"));
  }
  return faults;
}

export const customResourceDefinitionKind: Kind<CustomResourceDefinition> = {
  ...customResourceDefinitions,
  singular: "customresourcedefinition",
  shortNames: ["crd", "crds"],
  categories: ["api-extensions"],
  status: true,
  subresources: [],
  schema: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
  needsRevision: true,
  plainFinalizers: true,
  setDefaults,
  prepareForCreate(definition) {
    const { metadata } = definition;
    delete definition.status;
    metadata.finalizers = [...new Set([...(metadata.finalizers ?? []), cleanupFinalizer])];
  },
  validate,
  validateUpdate,
  columns: [nameColumn, createdAtColumn],
};
