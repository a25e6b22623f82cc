/** A client that is refused one kind of write. */
import type { Resource } from "../../api/resource.ts";
import { type ApiClient, ApiError } from "../../client/client.ts";

export function refusing(
  client: ApiClient,
  verb: "create" | "update",
  { plural }: Pick<Resource, "plural">,
): ApiClient {
  const refuse = (resource: Pick<Resource, "plural">): void => {
    if (resource.plural === plural)
      throw new ApiError({ kind: "Status", status: "Failure", code: 403, reason: "Forbidden", message: "not allowed" });
  };
  return new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (name !== verb) return value.bind(target);
      return async (resource: Pick<Resource, "plural">, ...rest: unknown[]) => {
        refuse(resource);
        return value.call(target, resource, ...rest);
      };
    },
  });
}
