/** Addresses, blocks and URLs in expressions. Source: Kubernetes "Common Expression Language", IP address, CIDR and URL libraries. */
import { isIP } from "node:net";
import type { Environment } from "@marcbachmann/cel-js";
import { type Cidr, cidrContains, cidrContainsCidr, formatCidr, networkOf, parseCidr } from "../../net/cidr.ts";
import { formatIp, type Ip, parseIp } from "../../net/ip.ts";
import {
  isLinkLocalMulticast,
  isLinkLocalUnicast,
  isLoopback,
  isMulticast,
  isUnspecified,
} from "../../net/ip-scope.ts";

class CelIp {
  readonly ip: Ip;
  constructor(ip: Ip) {
    this.ip = ip;
  }
}
class CelCidr {
  readonly cidr: Cidr;
  constructor(cidr: Cidr) {
    this.cidr = cidr;
  }
}
/** As it is written: nothing is made canonical. */
class CelUrl {
  readonly scheme: string;
  readonly hostname: string;
  readonly port: string;
  readonly path: string;
  readonly query: string;
  constructor([, scheme = "", hostname = "", port = "", path = "", query = ""]: readonly string[]) {
    this.scheme = scheme;
    this.hostname = hostname;
    this.port = port;
    this.path = path;
    this.query = query;
  }
}

/** Scheme, host, port, path and query (RFC 3986); or an absolute path. */
const urlSyntax =
  /^(?:([A-Za-z][\w+.-]*):\/\/(?:[^@/?#]*@)?(\[[^\]]*\]|[^:/?#]*)(?::(\d*))?(?=[/?]|$))?(?:(\/[^?#]*)?(?:\?([^#]*))?)$/;

function parseUrl(text: string): CelUrl | undefined {
  const parts = urlSyntax.exec(text);
  const isUrl = parts !== null && (text.startsWith("/") || URL.canParse(text));
  return isUrl ? new CelUrl(parts) : undefined;
}

function read<T>(what: string, text: string, value: T | undefined | null): T {
  if (value === undefined || value === null)
    throw new Error(`${what} ${JSON.stringify(text)} parse error during conversion`);
  return value;
}
const readIp = (text: string): CelIp => new CelIp(read("IP Address", text, parseIp(text)));
const readCidr = (text: string): CelCidr => new CelCidr(read("network address", text, parseCidr(text)));
const readUrl = (text: string): CelUrl => read("URL", text, parseUrl(text));

const isGlobal = (ip: Ip): boolean =>
  !(
    isUnspecified(ip) ||
    isLoopback(ip) ||
    isMulticast(ip) ||
    isLinkLocalUnicast(ip) ||
    formatIp(ip) === "255.255.255.255"
  );

/** Queries about one address: name → test. */
const tests = {
  isUnspecified,
  isLoopback,
  isLinkLocalMulticast,
  isLinkLocalUnicast,
  isGlobalUnicast: isGlobal,
} as const;

const ip = "net.IP";
const cidr = "net.CIDR";
const url = "kubernetes.URL";

function queryOf({ query }: CelUrl): Map<string, string[]> {
  const searchParams = new URLSearchParams(query);
  return new Map([...searchParams.keys()].map((key) => [key, searchParams.getAll(key)]));
}

function registerAddresses(environment: Environment): void {
  environment
    .registerType(ip, CelIp)
    .registerType(cidr, CelCidr)
    .registerFunction("isIP(string): bool", (text: string) => isIP(text) !== 0)
    .registerFunction("isCIDR(string): bool", (text: string) => parseCidr(text) !== undefined)
    .registerFunction(`ip(string): ${ip}`, readIp)
    .registerFunction(`cidr(string): ${cidr}`, readCidr)
    .registerFunction(`string(${ip}): string`, (one: CelIp) => formatIp(one.ip))
    .registerFunction(`string(${cidr}): string`, (one: CelCidr) => formatCidr(one.cidr))
    .registerFunction(`${ip}.family(): int`, (one: CelIp) => (one.ip.family === "IPv4" ? 4n : 6n))
    .registerFunction(`${cidr}.ip(): ${ip}`, (one: CelCidr) => new CelIp(one.cidr.ip))
    .registerFunction(`${cidr}.masked(): ${cidr}`, (one: CelCidr) => new CelCidr(networkOf(one.cidr)))
    .registerFunction(`${cidr}.prefixLength(): int`, (one: CelCidr) => BigInt(one.cidr.prefix))
    .registerFunction(`${cidr}.containsIP(${ip}): bool`, (a: CelCidr, b: CelIp) => cidrContains(a.cidr, b.ip))
    .registerFunction(`${cidr}.containsIP(string): bool`, (a: CelCidr, b: string) => cidrContains(a.cidr, readIp(b).ip))
    .registerFunction(`${cidr}.containsCIDR(${cidr}): bool`, (a: CelCidr, b: CelCidr) =>
      cidrContainsCidr(a.cidr, b.cidr),
    )
    .registerFunction(`${cidr}.containsCIDR(string): bool`, (a: CelCidr, b: string) =>
      cidrContainsCidr(a.cidr, readCidr(b).cidr),
    );
  for (const [name, test] of Object.entries(tests)) {
    environment.registerFunction(`${ip}.${name}(): bool`, (one: CelIp) => test(one.ip));
  }
}

export function registerNetwork(environment: Environment): Environment {
  registerAddresses(environment);
  return environment
    .registerType(url, CelUrl)
    .registerFunction("isURL(string): bool", (text: string) => parseUrl(text) !== undefined)
    .registerFunction(`url(string): ${url}`, readUrl)
    .registerFunction(`${url}.getScheme(): string`, ({ scheme }: CelUrl) => scheme)
    .registerFunction(`${url}.getHost(): string`, ({ hostname, port }: CelUrl) =>
      port ? `${hostname}:${port}` : hostname,
    )
    .registerFunction(`${url}.getHostname(): string`, ({ hostname }: CelUrl) => hostname.replace(/^\[|\]$/g, ""))
    .registerFunction(`${url}.getPort(): string`, ({ port }: CelUrl) => port)
    .registerFunction(`${url}.getEscapedPath(): string`, ({ path }: CelUrl) => path)
    .registerFunction(`${url}.getQuery(): map`, queryOf);
}
