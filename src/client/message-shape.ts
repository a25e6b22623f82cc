/** Which fields of a message in protobuf are read, and how; the numbers are those of the published .proto files. */

/**
 * How one field is read; `repeats`: its value is often that of the last object, which is then used once more; `optional`: a message
 * of which nothing is there is left out.
 */
export type FieldShape = {
  readonly number: number;
  readonly list?: true;
  readonly repeats?: true;
  readonly optional?: true;
} & (
  | { readonly is: "text" | "word" | "number" | "boolean" | "time" }
  /** A map of texts; `only`: the keys that are kept. */
  | { readonly is: "map"; readonly only: readonly string[] }
  | { readonly is: "message"; readonly fields: MessageShape }
  /** A list of messages: the texts of the field `own` in one, and what `shared` names of each, once for all that are alike. */
  | { readonly is: "split"; readonly own: number; readonly shared: MessageShape }
);

/** What a list becomes by `field.split`: `texts` has one for each item, with spaces between. */
export interface Split<T> {
  texts: string;
  readonly shared: T[];
}

/** By the field's name in JSON. */
export interface MessageShape {
  readonly [name: string]: FieldShape;
}

export const field = {
  text: (number: number): FieldShape => ({ number, is: "text" }),
  /** A text of which there are few: each is kept once. */
  word: (number: number): FieldShape => ({ number, is: "word" }),
  number: (number: number): FieldShape => ({ number, is: "number" }),
  boolean: (number: number): FieldShape => ({ number, is: "boolean" }),
  time: (number: number): FieldShape => ({ number, is: "time", repeats: true }),
  map: (number: number, only: readonly string[]): FieldShape => ({ number, is: "map", only }),
  message: (number: number, fields: MessageShape): FieldShape => ({ number, is: "message", fields }),
  split: (number: number, own: number, shared: MessageShape): FieldShape => ({ number, is: "split", own, shared }),
  list: (item: FieldShape): FieldShape => ({ ...item, list: true }),
  repeats: (item: FieldShape): FieldShape => ({ ...item, repeats: true }),
  optional: (item: FieldShape): FieldShape => ({ ...item, optional: true }),
};

/** metadata as every part needs it, with these labels and annotations. */
export const metadata = (labels: readonly string[], annotations: readonly string[] = []): FieldShape =>
  field.message(1, {
    name: field.text(1),
    namespace: field.word(3),
    uid: field.text(5),
    resourceVersion: field.text(6),
    creationTimestamp: field.time(8),
    deletionTimestamp: field.time(9),
    labels: field.map(11, labels),
    annotations: field.map(12, annotations),
  });

const listMetadata = field.message(1, { resourceVersion: field.text(2), continue: field.text(3) });

export const listShape = (item: MessageShape): MessageShape => ({
  metadata: listMetadata,
  items: field.list(field.message(2, item)),
});

export const statusShape: MessageShape = {
  status: field.word(2),
  message: field.text(3),
  reason: field.word(4),
  code: field.number(6),
};
