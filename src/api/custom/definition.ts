/** A CustomResourceDefinition as its readers here see it: decoded, defaulted, valid. */
import type * as crd from "kubernetes-types/apiextensions/v1";
import type { CustomResourceDefinition } from "../object.ts";
import type { JsonSchema } from "./json-schema.ts";

export type Version = crd.CustomResourceDefinitionVersion;

/** The schema of a version; one that allows everything, if there is none. */
export const schemaOf = (version: Version): JsonSchema =>
  (version.schema?.openAPIV3Schema as JsonSchema | undefined) ?? {
    type: "object",
    "x-kubernetes-preserve-unknown-fields": true,
  };

export const storageVersion = ({ spec }: CustomResourceDefinition): string =>
  spec.versions.find(({ storage }) => storage)?.name ?? "";
