/** Definitions of custom resources are checked, and their names accepted, when they are written. Source: apiextensions.k8s.io/v1, CustomResourceDefinitionStatus. */
import type { CustomResourceDefinitionCondition as Condition } from "kubernetes-types/apiextensions/v1";
import type { JsonSchema } from "../../api/custom/json-schema.ts";
import type { Kind } from "../../api/kind.ts";
import type { CustomResourceDefinition } from "../../api/object.ts";
import type { Clock } from "../../lib/clock.ts";
import type { KindRegistry } from "../kind-registry.ts";
import { formatTime } from "../object-metadata.ts";
import { admitted, type WriteHook } from "./write-hook.ts";

type Machinery = typeof import("../../api/custom/mod.ts");
type Names = CustomResourceDefinition["spec"]["names"];

let loading: Promise<Machinery> | undefined;
let loaded: Machinery | undefined;

/** Loaded when the first definition comes. */
export function loadCustomMachinery(): Promise<Machinery> {
  loading ??= import("../../api/custom/mod.ts").then((machinery) => {
    loaded = machinery;
    return machinery;
  });
  return loading;
}

/** Undefined: nobody has asked for it yet. */
export const loadedMachinery = (): Machinery | undefined => loaded;

/** The first name that someone else in the group has; undefined: all are free. */
function takenName({ plural, singular, shortNames = [], kind, listKind }: Names, others: readonly Kind[]) {
  const words = new Set(others.flatMap((other) => [other.plural, other.singular, ...other.shortNames]));
  const kinds = new Set(others.flatMap((other) => [other.kind, other.listKind ?? `${other.kind}List`]));
  return (
    [plural, singular ?? "", ...shortNames].find((name) => name && words.has(name)) ??
    [kind, listKind ?? ""].find((name) => name && kinds.has(name))
  );
}

/** The condition as it was, if it says the same. */
function condition(definition: CustomResourceDefinition, next: Omit<Condition, "lastTransitionTime">, now: string) {
  const before = definition.status?.conditions?.find(({ type }) => type === next.type);
  const same = before?.status === next.status && before.reason === next.reason && before.message === next.message;
  return same ? before : { ...next, lastTransitionTime: now };
}

function accept(definition: CustomResourceDefinition, taken: string | undefined, now: string): Condition[] {
  const wasEstablished = definition.status?.conditions?.some(
    (one) => one.type === "Established" && one.status === "True",
  );
  const conflict = `${JSON.stringify(taken)} is already in use`;
  const names = taken
    ? { type: "NamesAccepted", status: "False", reason: "NameConflict", message: conflict }
    : { type: "NamesAccepted", status: "True", reason: "NoConflicts", message: "no conflicts found" };
  const established =
    taken && !wasEstablished
      ? { type: "Established", status: "False", reason: "NotAccepted", message: "not all names are accepted" }
      : {
          type: "Established",
          status: "True",
          reason: "InitialNamesAccepted",
          message: "the initial names have been accepted",
        };
  return [condition(definition, names, now), condition(definition, established, now)];
}

function setStatus(definition: CustomResourceDefinition, registry: KindRegistry, now: string): void {
  const { spec, status, metadata } = definition;
  const taken = takenName(spec.names, registry.others(metadata.name, spec.group));
  const own = accept(definition, taken, now);
  const others = (status?.conditions ?? []).filter(({ type }) => !own.some((one) => one.type === type));
  const stored = spec.versions.filter(({ storage }) => storage).map(({ name }) => name);
  const acceptedNames = taken ? (status?.acceptedNames ?? { plural: "", kind: "" }) : spec.names;
  const storedVersions = [...new Set([...(status?.storedVersions ?? []), ...stored])];
  Object.assign(definition, { status: { ...status, acceptedNames, conditions: [...own, ...others], storedVersions } });
}

const schemasOf = ({ spec }: CustomResourceDefinition): [schema: JsonSchema, path: string][] =>
  (spec.versions ?? []).flatMap(({ schema }, index) =>
    schema?.openAPIV3Schema
      ? [[schema.openAPIV3Schema as JsonSchema, `spec.versions[${index}].schema.openAPIV3Schema`] as const]
      : [],
  ) as [JsonSchema, string][];

export function customResourceHook(registry: KindRegistry, clock: Clock): WriteHook {
  return {
    ready: async () => void (await loadCustomMachinery()),
    admit(object) {
      const definition = object as unknown as CustomResourceDefinition;
      const { spec } = definition;
      if (!loaded || !spec?.names || !Array.isArray(spec.versions)) return admitted;
      const { checkSchema, untestedRules } = loaded;
      const schemas = schemasOf(definition);
      const faults = schemas.flatMap(([schema, path]) => checkSchema(schema, path));
      if (faults.length === 0) setStatus(definition, registry, formatTime(clock.now()));
      const warnings = faults.length > 0 ? [] : schemas.flatMap(([schema, path]) => untestedRules(schema, path));
      return { ...admitted, faults, warnings };
    },
  };
}
