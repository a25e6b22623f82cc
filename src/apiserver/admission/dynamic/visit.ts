/** One request on its way past webhooks and policies: what several of them ask for is looked up once. */
import { celValue, type Scope } from "../../../api/cel/admission-expression.ts";
import type { JsonObject } from "../../../api/json.ts";
import type { Kind } from "../../../api/kind.ts";
import type { Namespace } from "../../../api/object.ts";
import { namespaces } from "../../../api/resource.ts";
import { type LabelSelector, matches } from "../../../api/selectors.ts";
import { notFound } from "../../../api/status.ts";
import { objectOf, type StoredObject } from "../../codec.ts";
import type { ServerContext } from "../../context.ts";
import { isNamespaceKind, objectStoreKey } from "../../keys.ts";
import { convertedForm } from "../../stored-form.ts";
import { type Attributes, requestOf } from "./attributes.ts";
import { authorizerFor } from "./authorizer.ts";

type Labels = Readonly<Record<string, string>> | undefined;

const labelsOf = (object: JsonObject | null): Labels => (object?.metadata as { labels?: Labels } | undefined)?.labels;

export class Visit {
  readonly attributes: Attributes;
  readonly #server: ServerContext;
  /** What the client is to be warned of. */
  readonly warnings: string[];
  #object: JsonObject | null;
  #namespace: Promise<Namespace> | undefined;

  constructor(server: ServerContext, attributes: Attributes, warnings: string[]) {
    this.#server = server;
    this.attributes = attributes;
    this.#object = attributes.object;
    this.warnings = warnings;
  }

  /** As it is by now. */
  get object(): JsonObject | null {
    return this.#object;
  }

  replaceObject(object: JsonObject): void {
    this.#object = object;
  }

  /** Throws ApiFault (404). */
  namespace(): Promise<Namespace> {
    this.#namespace ??= this.#readNamespace();
    return this.#namespace;
  }

  async #readNamespace(): Promise<Namespace> {
    const { namespace } = this.attributes;
    const entry = await this.#server.store.get(objectStoreKey(namespaces, undefined, namespace));
    if (!entry) throw notFound(namespaces, namespace);
    return objectOf(entry.value) as unknown as Namespace;
  }

  /** A request that is in no namespace is never left out. */
  async inNamespaces(selector: LabelSelector): Promise<boolean> {
    const { kind, subresource, operation, namespace } = this.attributes;
    const own = isNamespaceKind(kind);
    if ((!namespace && !own) || (selector !== "nothing" && selector.length === 0)) return true;
    const written = own && subresource === "" && (operation === "CREATE" || operation === "UPDATE");
    const labels = written ? labelsOf(this.#object) : (await this.namespace()).metadata.labels;
    return matches(selector, labels ?? {});
  }

  /** The object, or the one that it replaces, is selected. */
  ofObjects(selector: LabelSelector): boolean {
    if (selector !== "nothing" && selector.length === 0) return true;
    return [this.#object, this.attributes.oldObject].some(
      (object) => object !== null && matches(selector, labelsOf(object) ?? {}),
    );
  }

  /** Object and old object as kind `as` shows them. */
  async formsAs(as: Kind): Promise<{ object: JsonObject | null; oldObject: JsonObject | null }> {
    const { kind, oldObject, type } = this.attributes;
    if (as === kind || type) return { object: this.#object, oldObject };
    const shown = async (object: JsonObject | null): Promise<JsonObject | null> =>
      object && ((await convertedForm(kind, as, object as unknown as StoredObject)) as unknown as JsonObject);
    return { object: await shown(this.#object), oldObject: await shown(oldObject) };
  }

  /** For expressions; the namespace is there only if they may ask for it. */
  async scopeAs(as: Kind, { namespaced = false } = {}): Promise<Scope> {
    const { object, oldObject } = await this.formsAs(as);
    const { namespace, kind } = this.attributes;
    const inside = namespaced && namespace && kind.namespaced;
    return {
      object: celValue(object),
      oldObject: celValue(oldObject),
      request: celValue(requestOf(this.attributes, as)),
      authorizer: authorizerFor(this.#server, this.attributes),
      namespaceObject: celValue(inside ? await this.namespace() : null),
    };
  }
}
