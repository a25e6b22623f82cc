/** The YAML library for those who load it late: in the bundle, the package itself would give them a default export only. */
export { parse, parseAllDocuments, stringify } from "yaml";
