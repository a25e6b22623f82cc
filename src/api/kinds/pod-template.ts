import { isDeepStrictEqual } from "node:util";
import type { Kind } from "../kind.ts";
import type { PodTemplate } from "../object.ts";
import { podTemplates } from "../resource.ts";
import { formatLabels, nameColumn, text } from "./_column.ts";
import { startGeneration } from "./_generation.ts";
import { warnAboutTemplate } from "./_pod-warnings.ts";
import { containerColumns, setTemplateDefaults, validatePodTemplate } from "./_workload.ts";

export const podTemplateKind: Kind<PodTemplate> = {
  ...podTemplates,
  singular: "podtemplate",
  shortNames: [],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.core.v1.PodTemplate",
  setDefaults: setTemplateDefaults,
  prepareForCreate: startGeneration,
  validate: ({ template }) => validatePodTemplate("template", template),
  raisesGeneration: ({ template }, old) => !isDeepStrictEqual(template, old.template),
  warnings: ({ template }, old) => warnAboutTemplate("template", template, old?.template),
  columns: [
    nameColumn,
    ...containerColumns(({ template }: PodTemplate) => template),
    text("Pod Labels", "Labels of the Pods.", ({ template }) => formatLabels(template?.metadata?.labels)),
  ],
};
