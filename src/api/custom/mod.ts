/** What the API server needs to serve custom resources; loaded when there are any. */
export { checkSchema, untestedRules } from "./check-schema.ts";
export { customKinds } from "./custom-kind.ts";
export { schemaOf } from "./definition.ts";
