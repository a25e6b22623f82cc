/** Which part of an object a write to one of its own-kind subresources may change. */
import { noSuchPath } from "../../api/status.ts";
import type { Part } from "../update-object.ts";

export function partOf(subresource: string | undefined): Part {
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
