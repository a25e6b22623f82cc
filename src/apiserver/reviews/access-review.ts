/** May someone do something? Source: Kubernetes API reference, SubjectAccessReview and its sisters. */
import type {
  SelfSubjectAccessReviewSpec,
  SubjectAccessReviewSpec,
  SubjectAccessReviewStatus,
} from "kubernetes-types/authorization/v1";
import { forbidden, invalid, required } from "../../api/field-error.ts";
import type { FieldError } from "../../api/kind.ts";
import type { Attributes } from "../authorization/attributes.ts";
import type { ServerContext } from "../context.ts";
import type { User } from "../request.ts";

type Question = Pick<SelfSubjectAccessReviewSpec, "resourceAttributes" | "nonResourceAttributes">;

export function questionFaults({ resourceAttributes, nonResourceAttributes }: Question): FieldError[] {
  if (resourceAttributes && nonResourceAttributes) {
    const detail = "cannot be specified in combination with resourceAttributes";
    return [invalid("spec.nonResourceAttributes", nonResourceAttributes, detail)];
  }
  if (!resourceAttributes && !nonResourceAttributes) {
    return [
      required(
        "spec.resourceAttributes",
        "exactly one of nonResourceAttributes or resourceAttributes must be specified",
      ),
    ];
  }
  return [];
}

export function subjectFaults({ user, groups = [] }: SubjectAccessReviewSpec): FieldError[] {
  return user || groups.length > 0 ? [] : [required("spec.user", "at least one of user or group must be specified")];
}

/** A LocalSubjectAccessReview speaks of its own namespace. */
export function localFaults({ resourceAttributes, nonResourceAttributes }: Question, namespace: string): FieldError[] {
  if (nonResourceAttributes) return [forbidden("spec.nonResourceAttributes", "disallowed on this kind of request")];
  const asked = resourceAttributes?.namespace ?? "";
  const detail = `must match metadata.namespace`;
  return asked === namespace ? [] : [invalid("spec.resourceAttributes.namespace", asked, detail)];
}

export function attributesOf({ resourceAttributes, nonResourceAttributes }: Question): Attributes {
  if (nonResourceAttributes) return { verb: nonResourceAttributes.verb ?? "", path: nonResourceAttributes.path ?? "" };
  const { verb = "", group = "", resource = "", subresource, namespace, name } = resourceAttributes ?? {};
  return {
    verb,
    group,
    resource,
    subresource: subresource || undefined,
    namespace: namespace || undefined,
    name: name || undefined,
  };
}

export const subjectOf = ({ user = "", groups = [], uid, extra }: SubjectAccessReviewSpec): User => ({
  name: user,
  groups,
  ...(uid ? { uid } : {}),
  ...(extra ? { extra: extra as Record<string, string[]> } : {}),
});

export async function reviewAccess(
  { authorizer }: ServerContext,
  user: User,
  question: Question,
): Promise<SubjectAccessReviewStatus> {
  const { allowed, reason } = await authorizer.decide(user, attributesOf(question));
  return { allowed, ...(reason ? { reason } : {}) };
}
