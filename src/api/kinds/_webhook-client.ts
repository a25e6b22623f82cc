/** How the API server reaches a webhook. Source: admissionregistration.k8s.io/v1 and apiextensions.k8s.io/v1, WebhookClientConfig. */
import { invalid, required } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import { checkDnsSubdomain, checkPortNumber } from "../names.ts";

interface ServiceReference {
  readonly namespace?: string;
  readonly name?: string;
  readonly path?: string;
  port?: number;
}

export interface WebhookClient {
  readonly url?: string;
  readonly service?: ServiceReference;
  readonly caBundle?: string;
}

const form = "; desired format: https://host[/path]";

function validateUrl(field: string, text: string): FieldError[] {
  const url = URL.parse(text);
  if (!url) {
    // A URL without a scheme or host is one for Kubernetes, and then judged by its parts.
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1] ?? "";
    const faults = [invalid(field, scheme, `'https' is the only allowed URL scheme${form}`)];
    return [...(scheme === "https" ? [] : faults), invalid(field, "", `host must be specified${form}`)];
  }
  const { protocol, host, username, password, hash, search } = url;
  const user = password ? `${username}:${password}` : username;
  return [
    ...(protocol === "https:"
      ? []
      : [invalid(field, protocol.slice(0, -1), `'https' is the only allowed URL scheme${form}`)]),
    ...(host ? [] : [invalid(field, host, `host must be specified${form}`)]),
    ...(user ? [invalid(field, user, "user information is not permitted in the URL")] : []),
    ...(hash.length > 1 ? [invalid(field, hash.slice(1), "fragments are not permitted in the URL")] : []),
    ...(search.length > 1 ? [invalid(field, search.slice(1), "query parameters are not permitted in the URL")] : []),
  ];
}

function validatePath(field: string, path: string): FieldError[] {
  if (path === "" || path === "/") return [];
  if (path === "//") return [invalid(field, path, "segment[0] may not be empty")];
  const start = path.startsWith("/") ? [] : [invalid(field, path, "must start with a '/'")];
  const steps = path.slice(1).replace(/\/$/, "").split("/");
  const faults = steps.flatMap((step, index) =>
    step === ""
      ? [invalid(field, path, `segment[${index}] may not be empty`)]
      : checkDnsSubdomain(step).map((why) => invalid(field, path, `segment[${index}]: ${why}`)),
  );
  return [...start, ...faults];
}

function validateService(
  path: string,
  { name, namespace, port = 0, path: below = "" }: ServiceReference,
): FieldError[] {
  const badPort = checkPortNumber(port);
  return [
    ...(name ? [] : [required(`${path}.name`)]),
    ...(namespace ? [] : [required(`${path}.namespace`)]),
    ...(badPort.length > 0 ? [invalid(`${path}.port`, port, `port is not valid: ${badPort.join(", ")}`)] : []),
    ...validatePath(`${path}.path`, below),
  ];
}

/** `path` leads to the client's configuration. */
export function validateWebhookClient(path: string, { url, service }: WebhookClient = {}): FieldError[] {
  if ((url === undefined) === (service === undefined)) {
    return [required(path, "exactly one of url or service is required")];
  }
  return service ? validateService(`${path}.service`, service) : validateUrl(`${path}.url`, url ?? "");
}

/** In place. */
export function defaultWebhookClient(client: WebhookClient | undefined): void {
  if (client?.service) client.service.port ??= 443;
}
