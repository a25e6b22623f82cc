/** kube-proxy's command line: a flag for each field that has one, and a few that say the same for whatever mode runs. */
import { sectionOf } from "./effective.ts";
import { type Field, fields, type Kind, type Value } from "./fields.ts";
import { type Values, valueOfText } from "./values.ts";

export interface Flag {
  readonly name: string;
  /** Of its value, for the help; "" takes none but "true" and "false". */
  readonly placeholder: string;
  readonly help: string;
}

const placeholders: Readonly<Record<Kind, string>> = {
  text: "TEXT",
  list: "A,B,…",
  boolean: "true|false",
  integer: "N",
  number: "N",
  duration: "DURATION",
  address: "ADDRESS:PORT",
  gates: "A=true,…",
};

/** Flag → the field's name in the section of the mode that runs. */
const ofMode: Readonly<Record<string, string>> = {
  "masquerade-all": "masqueradeAll",
  "masquerade-bit": "masqueradeBit",
  "sync-period": "syncPeriod",
  "min-sync-period": "minSyncPeriod",
};
/** Other names that kube-proxy, or this program, has for a flag. */
const synonyms: Readonly<Record<string, string>> = {
  "node-name": "hostname-override",
  "iptables-localhost-nodeports": "localhost-nodeports",
};

const byFlag = new Map(fields.flatMap((field) => (field.flag ? [[field.flag, field] as const] : [])));
const byPath = new Map(fields.map((field) => [field.path, field]));

function flagOf(name: string, { kind, help, unused }: Field): Flag {
  return { name, placeholder: placeholders[kind], help: unused ? `has no effect: ${unused}` : help };
}

export const flags: readonly Flag[] = [
  ...[...byFlag].map(([name, field]) => flagOf(name, field)),
  ...Object.entries(ofMode)
    .filter(([name]) => !byFlag.has(name))
    .map(([name, field]) => ({
      ...flagOf(name, byPath.get(`nftables.${field}`) as Field),
      help: `${field} of the mode that runs`,
    })),
  ...Object.entries(synonyms).map(([name, other]) => ({
    ...flagOf(name, byFlag.get(other) as Field),
    help: `the same as --${other}`,
  })),
];

/** What the flags say, over what a file said. Throws RangeError with one sentence. */
export function withFlags(file: Values, given: Readonly<Record<string, unknown>>): Values {
  const values = new Map<string, Value>(file);
  const texts = flags.flatMap(({ name }) => (typeof given[name] === "string" ? [[name, given[name]] as const] : []));
  const mode = given["proxy-mode"] ?? file.get("mode") ?? "auto";
  for (const [name, text] of texts) {
    const field = fieldOf(name, String(mode));
    values.set(field.path, valueOfText(field, `--${name}`, text));
  }
  return values;
}

function fieldOf(name: string, mode: string): Field {
  const own = ofMode[name];
  const section = sectionOf(mode);
  // kube-proxy has one mask bit for iptables and IPVS.
  const path = own && `${section === "ipvs" && own === "masqueradeBit" ? "iptables" : section}.${own}`;
  return (path ? byPath.get(path) : byFlag.get(synonyms[name] ?? name)) as Field;
}
