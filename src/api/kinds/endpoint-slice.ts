import type { Kind } from "../kind.ts";
import type { EndpointSlice } from "../object.ts";
import { endpointSlices } from "../resource.ts";
import { ageColumn, nameColumn } from "./_column.ts";

export const endpointSliceKind: Kind<EndpointSlice> = {
  ...endpointSlices,
  singular: "endpointslice",
  shortNames: [],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.discovery.v1.EndpointSlice",
  columns: [nameColumn, ageColumn],
};
