/** POST of a review: a question about credentials or permissions, answered in its status and not kept. */
import { required } from "../../api/field-error.ts";
import type { FieldError } from "../../api/kind.ts";
import { invalid, methodNotAllowed, noSuchPath } from "../../api/status.ts";
import { admitRequest } from "../admission/dynamic/admit-request.ts";
import type { StoredObject } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import { decodeObject, parseRequestBody } from "../decode-object.ts";
import { alignWithUrl } from "../object-metadata.ts";
import type { Reply } from "../reply.ts";
import type { ApiRequest } from "../request.ts";
import { parseWriteOptions } from "../write-options.ts";
import { localFaults, questionFaults, reviewAccess, subjectFaults, subjectOf } from "./access-review.ts";
import { reviewRules } from "./rules-review.ts";
import { tokenReview } from "./token-review.ts";
import { userInfoOf } from "./user-info.ts";

// biome-ignore lint/suspicious/noExplicitAny: each review reads the spec of its own kind, which decodeObject has checked
type Spec = any;

interface Review {
  /** The faults of what is asked. */
  readonly check: (spec: Spec, request: ApiRequest) => readonly FieldError[];
  readonly answer: (server: ServerContext, spec: Spec, request: ApiRequest) => object | Promise<object>;
}

const reviews: Readonly<Record<string, Review>> = {
  TokenReview: { check: () => [], answer: tokenReview },
  SelfSubjectReview: { check: () => [], answer: (_server, _spec, { user }) => ({ userInfo: userInfoOf(user) }) },
  SubjectAccessReview: {
    check: (spec) => [...questionFaults(spec), ...subjectFaults(spec)],
    answer: (server, spec) => reviewAccess(server, subjectOf(spec), spec),
  },
  LocalSubjectAccessReview: {
    check: (spec, { namespace = "" }) => [
      ...questionFaults(spec),
      ...subjectFaults(spec),
      ...localFaults(spec, namespace),
    ],
    answer: (server, spec) => reviewAccess(server, subjectOf(spec), spec),
  },
  SelfSubjectAccessReview: {
    check: questionFaults,
    answer: (server, spec, { user }) => reviewAccess(server, user, spec),
  },
  SelfSubjectRulesReview: {
    check: ({ namespace }) => (namespace ? [] : [required("spec.namespace")]),
    answer: (server, { namespace }, { user }) => reviewRules(server, user, namespace),
  },
};

/** Serves every kind that is only created (Kind.createOnly). */
export async function review(server: ServerContext, request: ApiRequest): Promise<Reply> {
  const { kind, verb } = request;
  const found = reviews[kind.kind];
  if (!found) throw noSuchPath();
  if (verb !== "create") throw methodNotAllowed(kind, verb);
  const options = parseWriteOptions(request);
  const { object: given, warnings } = decodeObject(await parseRequestBody(request), kind, options);
  alignWithUrl(given, request);
  const asked = { operation: "CREATE", object: given, dryRun: options.dryRun } as const;
  return admitRequest(server, request, asked, async (object) => {
    if (!object.metadata.name) delete (object.metadata as { name?: string }).name;
    const spec = (object as StoredObject).spec ?? {};
    const faults = found.check(spec, request);
    if (faults.length > 0) throw invalid(kind, object.metadata.name, faults);
    const status = await found.answer(server, spec, request);
    const { apiVersion, kind: name, metadata } = object;
    return { type: "json", code: 201, warnings, body: { kind: name, apiVersion, metadata, ...shown(object), status } };
  });
}

const shown = ({ spec }: StoredObject): object => (spec === undefined ? {} : { spec });
