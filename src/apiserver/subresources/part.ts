/** Which part of an object a write to one of its own-kind subresources may change. */
import type { Kind } from "../../api/kind.ts";
import { noSuchPath } from "../../api/status.ts";
import type { Part } from "../update-object.ts";

export function partOf(kind: Kind, subresource: string | undefined): Part {
  if (subresource !== undefined && kind.parts?.[subresource]) return "spec-part";
  switch (subresource) {
    case undefined:
      return "object";
    case "status":
      return "status";
    case "finalize":
      return "finalize";
    default:
      throw noSuchPath();
  }
}
