/** Who writes a policy or a binding must be allowed to read its parameters: expressions could tell what is in them. Source: Kubernetes "Validating Admission Policy". */
import type { ParamKind, ParamRef } from "kubernetes-types/admissionregistration/v1";
import { forbidden } from "../../api/field-error.ts";
import { jsonEqual } from "../../api/json.ts";
import type { FieldError, Kind } from "../../api/kind.ts";
import { apiVersionOf } from "../../api/resource.ts";
import type { StoredObject } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import type { User } from "../request.ts";
import { admitted, type WriteHook } from "./write-hook.ts";

/** What there is to read: all that nobody can name more exactly. */
function resourceOf(kinds: readonly Kind[], paramKind: ParamKind | undefined): { group: string; resource: string } {
  const { apiVersion, kind } = paramKind ?? {};
  if (!apiVersion) return { group: "*", resource: "*" };
  const [group = "", ...version] = apiVersion.split("/");
  const found = kinds.find((one) => one.kind === kind && apiVersionOf(one) === apiVersion);
  return { group: version.length > 0 ? group : "", resource: found?.plural ?? "*" };
}

const paramKindOf = ({ spec }: StoredObject): ParamKind | undefined => (spec as { paramKind?: ParamKind }).paramKind;

/** Faults of a policy whose paramKind is new. */
export function checkParamKind(
  { kinds, authorizer }: ServerContext,
  object: StoredObject,
  { old, user }: { old: StoredObject | undefined; user: User | undefined },
): FieldError[] {
  const paramKind = paramKindOf(object);
  if (!user || !paramKind || (old && jsonEqual(paramKindOf(old), paramKind))) return [];
  const asked = { verb: "get", ...resourceOf(kinds, paramKind), subresource: undefined, namespace: "*", name: "*" };
  if (authorizer.decideByRole(user, asked).allowed) return [];
  const { kind, apiVersion } = paramKind;
  const what = `all objects of the referenced paramKind (kind=${kind}, apiVersion=${apiVersion})`;
  return [forbidden("spec.paramKind", `user ${user.name} must have "get" permission on ${what}`)];
}

interface Bound {
  readonly policyName?: string;
  readonly paramRef?: ParamRef;
}

function bindingHook(server: () => ServerContext, policies: "validating" | "mutating"): WriteHook {
  return {
    admit(object, old, user) {
      const { kinds, authorizer, admission } = server();
      const { policyName = "", paramRef } = (object.spec ?? {}) as Bound;
      const before = (old?.spec ?? {}) as Bound;
      const same = jsonEqual(before.paramRef, paramRef) && before.policyName === policyName;
      if (!user || !paramRef || same) return admitted;
      const place = { namespace: paramRef.namespace, name: paramRef.name };
      const verb = paramRef.name ? "get" : "list";
      const asked = {
        verb,
        ...resourceOf(kinds, admission.paramKindOf(policies, policyName)),
        subresource: undefined,
        ...place,
      };
      if (authorizer.decideByRole(user, asked).allowed) return admitted;
      const why = `user ${user.name} does not have "${verb}" permission on the object referenced by paramRef`;
      return { ...admitted, faults: [forbidden("spec.paramRef", why)] };
    },
  };
}

/** By plural name. */
export const bindingHooks = (server: () => ServerContext): readonly (readonly [string, WriteHook])[] => [
  ["validatingadmissionpolicybindings", bindingHook(server, "validating")],
  ["mutatingadmissionpolicybindings", bindingHook(server, "mutating")],
];
