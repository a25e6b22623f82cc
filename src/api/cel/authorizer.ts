/**
 * May somebody do something, as an expression asks: `authorizer.group("apps").resource("deployments").namespace("a").check("create").allowed()`.
 * Source: Kubernetes "Common Expression Language", authorizer library.
 */
import type { Environment } from "@marcbachmann/cel-js";

/** What is asked for; `account`: of whom, if not of the one whose request it is. */
export interface Question {
  readonly verb: string;
  readonly path?: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly account?: { readonly namespace: string; readonly name: string };
}

export type Decide = (question: Question) => { readonly allowed: boolean; readonly reason: string };

class Check {
  readonly decide: Decide;
  readonly asked: Omit<Question, "verb">;
  constructor(decide: Decide, asked: Omit<Question, "verb">) {
    this.decide = decide;
    this.asked = asked;
  }
}
class PathCheck extends Check {}
class GroupCheck extends Check {}
class ResourceCheck extends Check {}

/** The value of the variable `authorizer`. */
export class Authorizer extends Check {
  readonly requestResource: ResourceCheck;
  constructor(decide: Decide, request: Omit<Question, "verb">, asked: Omit<Question, "verb"> = {}) {
    super(decide, asked);
    this.requestResource = new ResourceCheck(decide, { ...request, ...asked });
  }
}

class Decision {
  readonly allowed: boolean;
  readonly reason: string;
  constructor({ allowed, reason }: ReturnType<Decide>) {
    this.allowed = allowed;
    this.reason = reason;
  }
}

const prefix = "kubernetes.authorization.";

export function registerAuthorizer(environment: Environment): Environment {
  const type = (name: string): string => prefix + name;
  const narrowed = (field: keyof Question) => (check: Check, value: string) =>
    new ResourceCheck(check.decide, { ...check.asked, [field]: value });
  const decided = ({ decide, asked }: Check, verb: string): Decision => new Decision(decide({ ...asked, verb }));
  environment
    .registerType(type("Decision"), Decision)
    .registerType(type("PathCheck"), PathCheck)
    .registerType(type("GroupCheck"), GroupCheck)
    .registerType(type("ResourceCheck"), ResourceCheck)
    .registerType(type("Authorizer"), { ctor: Authorizer, fields: { requestResource: type("ResourceCheck") } })
    .registerVariable("authorizer", type("Authorizer"))
    .registerFunction(
      `${type("Authorizer")}.path(string): ${type("PathCheck")}`,
      ({ decide, asked }: Check, path: string) => new PathCheck(decide, { ...asked, path }),
    )
    .registerFunction(
      `${type("Authorizer")}.group(string): ${type("GroupCheck")}`,
      ({ decide, asked }: Check, group: string) => new GroupCheck(decide, { ...asked, group }),
    )
    .registerFunction(
      `${type("Authorizer")}.serviceAccount(string, string): ${type("Authorizer")}`,
      (own: Authorizer, namespace: string, name: string) =>
        new Authorizer(own.decide, own.requestResource.asked, { account: { namespace, name } }),
    )
    .registerFunction(`${type("GroupCheck")}.resource(string): ${type("ResourceCheck")}`, narrowed("resource"));
  for (const field of ["subresource", "namespace", "name"] as const) {
    environment.registerFunction(
      `${type("ResourceCheck")}.${field}(string): ${type("ResourceCheck")}`,
      narrowed(field),
    );
  }
  for (const check of ["PathCheck", "ResourceCheck"]) {
    environment.registerFunction(`${type(check)}.check(string): ${type("Decision")}`, decided);
  }
  return environment
    .registerFunction(`${type("Decision")}.allowed(): bool`, ({ allowed }: Decision) => allowed)
    .registerFunction(`${type("Decision")}.reason(): string`, ({ reason }: Decision) => reason)
    .registerFunction(`${type("Decision")}.errored(): bool`, () => false)
    .registerFunction(`${type("Decision")}.error(): string`, () => "");
}
