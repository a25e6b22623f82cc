/** Which form of an answer the client asked for. Source: Kubernetes "API Concepts", alternate representations. */

export type Form = "json" | "table" | "metadata";

export interface Negotiated {
  readonly form: Form;
  readonly yaml: boolean;
}

interface Offer {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

function parseAccept(accept: string): Offer[] {
  return accept.split(",").map((part) => {
    const [type = "", ...rest] = part.split(";").map((text) => text.trim());
    const parameters = new Map(rest.map((text) => [text.split("=")[0] ?? "", text.split("=")[1] ?? ""]));
    return { type: type.toLowerCase(), parameters };
  });
}

const jsonTypes = new Set(["application/json", "application/*", "*/*", ""]);

function formOf({ type, parameters }: Offer): Negotiated | undefined {
  const yaml = type === "application/yaml";
  if (!yaml && !jsonTypes.has(type)) return undefined;
  const as = parameters.get("as");
  if (as === undefined) return { form: "json", yaml };
  if (parameters.get("g") !== "meta.k8s.io" || !/^v1(beta1)?$/.test(parameters.get("v") ?? "")) return undefined;
  if (as === "Table") return { form: "table", yaml };
  if (as === "PartialObjectMetadata" || as === "PartialObjectMetadataList") return { form: "metadata", yaml };
  return undefined;
}

/** The first offer that is served; plain JSON when none is (a client that wants only protobuf still reads JSON errors). */
export function negotiate(accept: string): Negotiated {
  for (const offer of parseAccept(accept)) {
    const form = formOf(offer);
    if (form) return form;
  }
  return { form: "json", yaml: false };
}
