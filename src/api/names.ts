/**
 * Checks of names, with the texts that Kubernetes gives. Each returns the faults, none if the value is good; a value
 * that is missing (which no type says of required fields) counts as empty.
 * Sources: Kubernetes "Object Names and IDs", "Labels and Selectors"; RFC 1123 section 2.1, RFC 1035 section 2.3.1, RFC 6335 section 5.1.
 */

const label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const subdomain = `${label}(\\.${label})*`;
const label1035 = "[a-z]([-a-z0-9]*[a-z0-9])?";
const qualified = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const labelValue = `(${qualified})?`;
const configKey = "[-._a-zA-Z0-9]+";
const headerName = "[-A-Za-z0-9]+";

const labelRegex = new RegExp(`^${label}$`);
const subdomainRegex = new RegExp(`^${subdomain}$`);
const label1035Regex = new RegExp(`^${label1035}$`);
const qualifiedRegex = new RegExp(`^${qualified}$`);
const labelValueRegex = new RegExp(`^${labelValue}$`);
const configKeyRegex = new RegExp(`^${configKey}$`);
const headerNameRegex = new RegExp(`^${headerName}$`);

const maxLabel = 63;
const maxSubdomain = 253;
const maxPortName = 15;

/** "must be between 1 and 65535, inclusive". */
export const inclusiveRange = (low: number, high: number): string => `must be between ${low} and ${high}, inclusive`;

const maxLength = (count: number, unit = "characters"): string => `must be no more than ${count} ${unit}`;

/** The rule, examples of good values, and the regular expression: all in Kubernetes's order and spacing. */
function rule(text: string, regex: string, ...examples: readonly string[]): string {
  const shown = examples.map((example) => `'${example}', `).join(" or ");
  return `${text} (${shown ? `e.g. ${shown}` : ""}regex used for validation is '${regex}')`;
}

const labelRule = rule(
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  label,
  "my-name",
  "123-abc",
);
const subdomainRule = rule(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  subdomain,
  "example.com",
);
const label1035Rule = rule(
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  label1035,
  "my-name",
  "abc-123",
);
const qualifiedRule = rule(
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  qualified,
  "MyName",
  "my.name",
  "123-abc",
);
const labelValueRule = rule(
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  labelValue,
  "MyValue",
  "my_value",
  "12345",
);
const configKeyRule = rule(
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
  configKey,
  "key.name",
  "KEY_NAME",
  "key-name",
);
const headerNameRule = rule(
  "a valid HTTP header must consist of alphanumeric characters or '-'",
  headerName,
  "X-Header-Name",
);

interface Limit {
  readonly max: number;
  /** Keys and values of labels are measured in bytes; the number is the same, they are ASCII. */
  readonly unit?: string;
}

function check(value: string, regex: RegExp, text: string, { max, unit }: Limit): string[] {
  const faults: string[] = [];
  if (value.length > max) faults.push(maxLength(max, unit));
  if (!regex.test(value)) faults.push(text);
  return faults;
}

/** A generated name is checked with its last dash replaced: "web-" stands for "web-x7k2p". */
function forPrefix(name: string, isPrefix: boolean): string {
  return isPrefix && name.length > 1 && name.endsWith("-") ? `${name.slice(0, -2)}a` : name;
}

/** RFC 1123 label: names of Namespaces, DNS names of one part. */
export function checkDnsLabel(name = "", isPrefix = false): string[] {
  const value = forPrefix(name, isPrefix);
  const dotted = !labelRegex.test(value) && subdomainRegex.test(value);
  return check(value, labelRegex, dotted ? "must not contain dots" : labelRule, { max: maxLabel });
}

/** RFC 1123 subdomain: names of most objects. */
export function checkDnsSubdomain(name = "", isPrefix = false): string[] {
  return check(forPrefix(name, isPrefix), subdomainRegex, subdomainRule, { max: maxSubdomain });
}

/** RFC 1035 label: names of Services. */
export function checkDns1035Label(name = "", isPrefix = false): string[] {
  return check(forPrefix(name, isPrefix), label1035Regex, label1035Rule, { max: maxLabel });
}

/** Names that need only fit into a URL path, e.g. those of roles. */
export function checkPathSegment(name = "", isPrefix = false): string[] {
  if (!isPrefix && (name === "." || name === "..")) return [`may not be '${name}'`];
  return ["/", "%"]
    .filter((character) => name.includes(character))
    .map((character) => `may not contain '${character}'`);
}

/** Label and annotation keys, resource names: "example.com/MyName" or "MyName". */
export function checkQualifiedName(value = ""): string[] {
  const parts = value.split("/");
  if (parts.length > 2) {
    return [
      `a valid label key ${qualifiedRule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const faults: string[] = [];
  const name = parts.at(-1) ?? "";
  if (parts.length === 2) {
    const prefix = parts[0] ?? "";
    if (prefix === "") faults.push("prefix part must be non-empty");
    else {
      const prefixFaults = check(prefix, subdomainRegex, subdomainRule, { max: maxSubdomain, unit: "bytes" });
      faults.push(...prefixFaults.map((fault) => `prefix part ${fault}`));
    }
  }
  if (name === "") faults.push("name part must be non-empty");
  else if (name.length > maxLabel) faults.push(`name part ${maxLength(maxLabel, "bytes")}`);
  if (!qualifiedRegex.test(name)) faults.push(`name part ${qualifiedRule}`);
  return faults;
}

/** Label values; empty is good. */
export function checkLabelValue(value = ""): string[] {
  return check(value, labelValueRegex, labelValueRule, { max: maxLabel, unit: "bytes" });
}

/** Keys of ConfigMaps and Secrets. */
export function checkConfigKey(key = ""): string[] {
  const faults = check(key, configKeyRegex, configKeyRule, { max: maxSubdomain });
  if (key === "." || key === "..") faults.push(`must not be '${key}'`);
  else if (key.startsWith("..")) faults.push("must not start with '..'");
  return faults;
}

/** Names of environment variables (since Kubernetes 1.32: any printable ASCII but "="). */
export function checkEnvName(name = ""): string[] {
  if (name === "") return ["environment variable name must be non-empty"];
  if (/^[\x20-\x3c\x3e-\x7e]+$/.test(name)) return [];
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

export function checkHttpHeaderName(name = ""): string[] {
  return headerNameRegex.test(name) ? [] : [headerNameRule];
}

/** Port names of containers and endpoint slices, as in IANA service names (RFC 6335). */
export function checkPortName(name = ""): string[] {
  const faults: string[] = [];
  if (name.length > maxPortName) faults.push(maxLength(maxPortName));
  if (!/^[-a-z0-9]+$/.test(name)) faults.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (!/[a-z]/.test(name)) faults.push("must contain at least one letter (a-z)");
  if (name.includes("--")) faults.push("must not contain consecutive hyphens");
  if (name.startsWith("-") || name.endsWith("-")) faults.push("must not begin or end with a hyphen");
  return faults;
}

export function checkPortNumber(port: number): string[] {
  return Number.isInteger(port) && port >= 1 && port <= 65535 ? [] : [inclusiveRange(1, 65535)];
}

/** Letters and digits that cannot spell a word or be mistaken for each other. */
const suffixAlphabet = "bcdfghjklmnpqrstvwxz2456789";
const suffixLength = 5;

/** Kubernetes-like random letters; `random` gives numbers in [0, 1). */
export function randomSuffix(length = suffixLength, random: () => number = Math.random): string {
  return Array.from({ length }, () => suffixAlphabet[Math.floor(random() * suffixAlphabet.length)]).join("");
}

/** `generateName("web-")` is e.g. "web-x7k2p"; a long base is cut so that the name stays a label of 63 characters. */
export function generateName(base: string, random: () => number = Math.random): string {
  return base.slice(0, maxLabel - suffixLength) + randomSuffix(suffixLength, random);
}
