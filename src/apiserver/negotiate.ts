/** Which form of an answer the client asked for. Sources: Kubernetes "API Concepts", alternate representations; RFC 9110, section 12.5.1. */
import type { Kind } from "../api/kind.ts";
import { hasSchema } from "../api/schema-table.ts";
import { notAcceptable } from "../api/status.ts";

export type Form = "json" | "table" | "metadata";
export type Encoding = "json" | "yaml" | "protobuf";

export interface Negotiated {
  readonly form: Form;
  readonly encoding: Encoding;
}

interface Offer {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  /** 0 to 1: how much it is wanted. */
  readonly weight: number;
}

export const protobufType = "application/vnd.kubernetes.protobuf";
export const mediaTypes: Readonly<Record<Encoding, string>> = {
  json: "application/json",
  yaml: "application/yaml",
  protobuf: protobufType,
};

const encodings: Readonly<Record<string, Encoding>> = {
  "": "json",
  "*/*": "json",
  "application/*": "json",
  "application/json": "json",
  "application/yaml": "yaml",
  [protobufType]: "protobuf",
};

function parseOffer(part: string): Offer {
  const [type = "", ...rest] = part.split(";").map((text) => text.trim());
  const parameters = new Map(rest.map((text) => [text.split("=")[0] ?? "", text.split("=")[1] ?? ""]));
  const weight = Number(parameters.get("q") ?? 1);
  return { type: type.toLowerCase(), parameters, weight: Number.isNaN(weight) ? 1 : weight };
}

/** The best first; equals as they stand. */
function parseAccept(accept: string): Offer[] {
  const offers = accept.split(",").map(parseOffer);
  return offers.filter(({ weight }) => weight > 0).sort((a, b) => b.weight - a.weight);
}

function formOf({ parameters }: Offer): Form | undefined {
  const as = parameters.get("as");
  if (as === undefined) return "json";
  if (parameters.get("g") !== "meta.k8s.io" || !/^v1(beta1)?$/.test(parameters.get("v") ?? "")) return undefined;
  if (as === "Table") return "table";
  return as === "PartialObjectMetadata" || as === "PartialObjectMetadataList" ? "metadata" : undefined;
}

/** All published kinds have a protobuf form, custom ones have none. */
const hasProtobuf = (kind: Pick<Kind, "schema">): boolean => hasSchema(kind.schema);

function chosen(offer: Offer, protobuf: boolean): Negotiated | undefined {
  const encoding = encodings[offer.type];
  const form = formOf(offer);
  if (!encoding || !form) return undefined;
  // Tables have cells of any type, which protobuf cannot say.
  if (encoding === "protobuf" && (form === "table" || (form === "json" && !protobuf))) return undefined;
  return { form, encoding };
}

const plain: Negotiated = { form: "json", encoding: "json" };

/** The first offer that is served; undefined: none is. */
function firstServed(accept: string, protobuf: boolean): Negotiated | undefined {
  for (const offer of parseAccept(accept)) {
    const negotiated = chosen(offer, protobuf);
    if (negotiated) return negotiated;
  }
  return undefined;
}

/** For objects of a kind. Throws ApiFault (406) when no offer can be served. */
export function negotiate(accept: string, kind: Pick<Kind, "schema">): Negotiated {
  const protobuf = hasProtobuf(kind);
  const negotiated = firstServed(accept, protobuf);
  if (negotiated) return negotiated;
  const { json, yaml, protobuf: binary } = mediaTypes;
  throw notAcceptable(protobuf ? [json, yaml, binary] : [json, yaml]);
}

/** For a Status: plain JSON when no offer can be served. */
export const negotiateStatus = (accept: string): Encoding => (firstServed(accept, true) ?? plain).encoding;
