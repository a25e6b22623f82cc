import type { IngressClassParametersReference } from "kubernetes-types/networking/v1";
import { forbidden, invalid, notSupported, required, tooLong } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import { checkDnsLabel, checkDnsSubdomain } from "../names.ts";
import type { IngressClass } from "../object.ts";
import { ingressClasses } from "../resource.ts";
import { checked, immutable } from "./_check.ts";
import { ageColumn, nameColumn, none, text } from "./_column.ts";
import { validateApiGroup, validateSegment } from "./_reference.ts";
import { specOf } from "./_workload.ts";

const maxController = 250;
const scopes = ["Cluster", "Namespace"];
const httpPath = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const httpPathRegex = new RegExp(`^${httpPath}$`);

/** "example.com/ingress-controller". */
function validateController(field: string, controller: string | undefined): FieldError[] {
  if (!controller) return [required(field)];
  const faults = controller.length > maxController ? [tooLong(field, maxController)] : [];
  const slash = controller.indexOf("/");
  const [host, path] = [controller.slice(0, Math.max(slash, 0)), controller.slice(slash + 1)];
  if (!host || !path) {
    return [...faults, invalid(field, controller, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  }
  faults.push(...checked(field, host, checkDnsSubdomain(host)));
  if (!httpPathRegex.test(path)) {
    faults.push(invalid(field, path, `Invalid path (regex used for validation is '${httpPath}')`));
  }
  return faults;
}

function validateParameters(path: string, parameters: IngressClassParametersReference | undefined): FieldError[] {
  if (!parameters) return [];
  const { apiGroup, kind, name, scope, namespace } = parameters;
  const faults = [
    ...validateApiGroup(`${path}.apiGroup`, apiGroup),
    ...validateSegment(`${path}.kind`, kind),
    ...validateSegment(`${path}.name`, name),
  ];
  if (scope === undefined) return [...faults, required(`${path}.scope`)];
  if (!scopes.includes(scope)) return [...faults, notSupported(`${path}.scope`, scope, scopes)];
  if (scope === "Cluster") {
    if (namespace !== undefined) faults.push(forbidden(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'"));
  } else if (namespace === undefined) {
    faults.push(required(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'"));
  } else faults.push(...checked(`${path}.namespace`, namespace, checkDnsLabel(namespace)));
  return faults;
}

/** "IngressParameters.k8s.example.com/external-lb". */
function nameCell({ metadata }: IngressClass): string {
  const isDefault = metadata.annotations?.["ingressclass.kubernetes.io/is-default-class"] === "true";
  return isDefault ? `${metadata.name} (default)` : metadata.name;
}

function parametersCell({ spec }: IngressClass): string {
  const { apiGroup, kind, name } = spec.parameters ?? {};
  return name ? `${kind}${apiGroup ? `.${apiGroup}` : ""}/${name}` : none;
}

export const ingressClassKind: Kind<IngressClass> = {
  ...ingressClasses,
  singular: "ingressclass",
  shortNames: [],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.networking.v1.IngressClass",
  setDefaults(ingressClass) {
    const { parameters } = specOf(ingressClass);
    if (parameters) parameters.scope ??= "Cluster";
  },
  validate: ({ spec }, old) => [
    ...(old ? immutable("spec.controller", spec.controller, old.spec.controller) : []),
    ...validateController("spec.controller", spec.controller),
    ...validateParameters("spec.parameters", spec.parameters),
  ],
  columns: [
    { ...nameColumn, cell: nameCell },
    text("Controller", "Who serves Ingresses of this class.", ({ spec }) => spec.controller ?? ""),
    text("Parameters", "Where the controller's settings are.", parametersCell),
    ageColumn,
  ],
};
