/** Questions that the API server answers at once and keeps no object of. Source: Kubernetes API reference, authentication and authorization resources. */
import type { Kind } from "../kind.ts";
import { nameColumn } from "./_column.ts";

const plurals = {
  "authentication.k8s.io": { SelfSubjectReview: "selfsubjectreviews", TokenReview: "tokenreviews" },
  "authorization.k8s.io": {
    LocalSubjectAccessReview: "localsubjectaccessreviews",
    SelfSubjectAccessReview: "selfsubjectaccessreviews",
    SelfSubjectRulesReview: "selfsubjectrulesreviews",
    SubjectAccessReview: "subjectaccessreviews",
  },
} as const;

const reviewKind = (group: string, kind: string, plural: string): Kind => ({
  group,
  version: "v1",
  kind,
  plural,
  singular: kind.toLowerCase(),
  namespaced: kind.startsWith("Local"),
  shortNames: [],
  categories: [],
  status: false,
  subresources: [],
  createOnly: true,
  schema: `io.k8s.api.${group.split(".")[0]}.v1.${kind}`,
  columns: [nameColumn],
});

export const reviewKinds: readonly Kind[] = Object.entries(plurals).flatMap(([group, kinds]) =>
  Object.entries(kinds).map(([kind, plural]) => reviewKind(group, kind, plural)),
);

/** What POST serviceaccounts/NAME/token takes and gives: served there only. */
export const tokenRequestKind: Kind = reviewKind("authentication.k8s.io", "TokenRequest", "tokenrequests");
