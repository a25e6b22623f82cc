import { invalid } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import type { ConfigMap } from "../object.ts";
import { configMaps } from "../resource.ts";
import { ageColumn, nameColumn, text } from "./_column.ts";
import { validateKeys, validateSealed, validateSize } from "./_data.ts";

function validate({ data = {}, binaryData = {} }: ConfigMap): FieldError[] {
  const doubled = Object.keys(data).filter((key) => Object.hasOwn(binaryData, key));
  return [
    ...validateKeys("data", data),
    ...doubled.map((key) => invalid(`data[${key}]`, key, "duplicate of key present in binaryData")),
    ...validateKeys("binaryData", binaryData),
    ...validateSize("", data, binaryData),
  ];
}

export const configMapKind: Kind<ConfigMap> = {
  ...configMaps,
  singular: "configmap",
  shortNames: ["cm"],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.core.v1.ConfigMap",
  validate,
  validateUpdate: validateSealed,
  raisesGeneration: () => false,
  columns: [
    nameColumn,
    text("Data", "Number of keys.", ({ data, binaryData }) => Object.keys({ ...data, ...binaryData }).length),
    ageColumn,
  ],
};
