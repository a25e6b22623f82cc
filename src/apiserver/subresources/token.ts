/** POST serviceaccounts/NAME/token: a token for a while, bound to an object if asked. Source: Kubernetes API reference, TokenRequest. */
import type { TokenRequest } from "kubernetes-types/authentication/v1";
import { invalid as invalidField } from "../../api/field-error.ts";
import type { FieldError } from "../../api/kind.ts";
import { tokenRequestKind } from "../../api/kinds/reviews.ts";
import type { Node, Pod } from "../../api/object.ts";
import { nodes, pods, type Resource, secrets } from "../../api/resource.ts";
import { badRequest, conflict, forbidden, invalid, methodNotAllowed, notFound } from "../../api/status.ts";
import { admitRequest } from "../admission/dynamic/admit-request.ts";
import type { Bound, Named } from "../authentication/account-token.ts";
import { nodeOf } from "../authorization/node-authorizer.ts";
import { objectOf, type StoredObject } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import { decodeObject, parseRequestBody } from "../decode-object.ts";
import { objectStoreKey } from "../keys.ts";
import { formatTime } from "../object-metadata.ts";
import type { Reply } from "../reply.ts";
import type { ApiRequest } from "../request.ts";
import { parseWriteOptions } from "../write-options.ts";

const defaultSeconds = 3600;
const leastSeconds = 600;
const mostSeconds = 2 ** 32;

interface Account {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string | undefined;
}

type Reference = NonNullable<TokenRequest["spec"]["boundObjectRef"]>;

const bindable: Readonly<Record<string, Resource>> = { "v1 Pod": pods, "v1 Secret": secrets, "v1 Node": nodes };

async function read(
  { store }: ServerContext,
  resource: Resource,
  { namespace, name }: { namespace: string; name: string },
): Promise<StoredObject> {
  const entry = await store.get(objectStoreKey(resource, resource.namespaced ? namespace : undefined, name));
  if (!entry) throw notFound(resource, name);
  return objectOf(entry.value);
}

const named = ({ metadata: { name, uid } }: StoredObject | Node): Named => ({ name, uid });

/** The node that a Pod runs on goes into its token, when it is known. */
async function podBinding(server: ServerContext, object: StoredObject, account: Account): Promise<Partial<Bound>> {
  const { spec } = object as unknown as Pod;
  if (spec.serviceAccountName !== account.name) {
    const why = `cannot bind token for serviceaccount ${JSON.stringify(account.name)} to pod running with different serviceaccount name.`;
    throw badRequest(why);
  }
  if (!spec.nodeName) return { pod: named(object) };
  const node = await server.store.get(objectStoreKey(nodes, undefined, spec.nodeName));
  return { pod: named(object), node: node ? named(objectOf(node.value)) : { name: spec.nodeName } };
}

async function bindingOf(server: ServerContext, wanted: Reference, account: Account): Promise<Partial<Bound>> {
  const { apiVersion = "", kind = "", name = "", uid } = wanted;
  const resource = bindable[`${apiVersion} ${kind}`];
  if (!resource) throw badRequest(`cannot bind token to object of type ${apiVersion}, Kind=${kind}`);
  const object = await read(server, resource, { namespace: account.namespace, name });
  if (uid && uid !== object.metadata.uid) {
    const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict(resource, name, why);
  }
  if (resource === pods) return podBinding(server, object, account);
  return resource === secrets ? { secret: named(object) } : { node: named(object) };
}

/** A node gets tokens for its own Pods only. Source: admission plugin NodeRestriction. */
function requireOwnPod({ user, kind, name = "" }: ApiRequest, binding: Partial<Bound>): void {
  const node = nodeOf(user);
  if (node === undefined) return;
  if (!binding.pod) throw forbidden(kind, name, `node requested token not bound to a pod`);
  if (binding.node?.name !== node)
    throw forbidden(kind, name, "node requested token bound to a pod scheduled on a different node");
}

function requireDuration(name: string, seconds: number): void {
  const fault = (detail: string): FieldError => invalidField("spec.expirationSeconds", seconds, detail);
  const faults = [
    ...(seconds < leastSeconds ? [fault("may not specify a duration less than 10 minutes")] : []),
    ...(seconds > mostSeconds ? [fault("may not specify a duration larger than 2^32 seconds")] : []),
  ];
  if (faults.length > 0) throw invalid(tokenRequestKind, name, faults);
}

type Request = Omit<TokenRequest, "spec"> & { spec?: Partial<TokenRequest["spec"]> };

async function makeToken(server: ServerContext, request: ApiRequest, body: Request, dryRun: boolean): Promise<Reply> {
  const { kind, namespace = "", name = "" } = request;
  const { audiences = [], expirationSeconds: seconds = defaultSeconds, boundObjectRef } = body.spec ?? {};
  const object = await read(server, kind, { namespace, name });
  requireDuration(name, seconds);
  const account = { namespace, name, uid: object.metadata.uid };
  const binding = boundObjectRef ? await bindingOf(server, boundObjectRef, account) : {};
  requireOwnPod(request, binding);
  const { tokens, clock } = server;
  const meant = audiences.length > 0 ? audiences : tokens.audiences;
  const bound: Bound = { namespace, serviceaccount: { name, uid: account.uid }, ...binding };
  const made = dryRun ? "" : tokens.make({ audiences: meant, seconds, bound });
  const status = { token: made, expirationTimestamp: formatTime(clock.now() + seconds * 1000) };
  const metadata = { name, namespace, creationTimestamp: formatTime(clock.now()) };
  const spec = { audiences: meant, expirationSeconds: seconds, boundObjectRef: boundObjectRef ?? null };
  const answer = { kind: "TokenRequest", apiVersion: "authentication.k8s.io/v1", metadata, spec, status };
  return { type: "json", code: 201, body: answer };
}

export async function token(server: ServerContext, request: ApiRequest): Promise<Reply> {
  const { kind, verb } = request;
  if (verb !== "create") throw methodNotAllowed(kind, verb);
  const options = parseWriteOptions(request);
  const { object, warnings } = decodeObject(await parseRequestBody(request), tokenRequestKind, options);
  const { dryRun } = options;
  const asked = { operation: "CREATE", type: tokenRequestKind, object, dryRun } as const;
  const reply = await admitRequest(server, request, asked, (admitted) =>
    makeToken(server, request, admitted as unknown as Request, dryRun),
  );
  return { ...reply, warnings: [...warnings, ...(reply.warnings ?? [])] };
}
