/** Who asks: a client certificate (CN is the user, O values are the groups) or a bearer token. Source: Kubernetes "Authenticating". */
import type { IncomingMessage } from "node:http";
import type { PeerCertificate, TLSSocket } from "node:tls";
import { unauthorized } from "../../api/status.ts";
import type { User } from "../request.ts";
import type { Tokens } from "./tokens.ts";

const anonymous: User = { name: "system:anonymous", groups: ["system:unauthenticated"] };

const users = new WeakMap<object, User | "none" | "invalid">();

/** Every request on this connection is `user`'s: for connections from within the API server's own process. */
export function trustConnection(connection: object, user: User): void {
  users.set(connection, user);
}

const listOf = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === "string" ? [value] : value;

function userOf(certificate: PeerCertificate): User | "none" {
  const name = listOf(certificate.subject?.CN)[0];
  return name ? { name, groups: [...listOf(certificate.subject.O), "system:authenticated"] } : "none";
}

/** Worked out once for each connection. "invalid": a certificate was sent that this cluster's authority did not sign. */
function certificateUser(socket: TLSSocket): User | "none" | "invalid" {
  const known = users.get(socket);
  if (known) return known;
  const certificate = socket.getPeerCertificate();
  const sent = certificate && Object.keys(certificate).length > 0;
  const user = !sent ? "none" : socket.authorized ? userOf(certificate) : "invalid";
  users.set(socket, user);
  return user;
}

/** Throws ApiFault (401) for credentials that do not count; without any, the user is system:anonymous. */
export async function authenticate(request: IncomingMessage, tokens: Tokens): Promise<User> {
  const user = certificateUser(request.socket as TLSSocket);
  if (typeof user === "object") return user;
  const [, token] = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? "") ?? [];
  if (token) {
    const verdict = await tokens.judge(token);
    if (verdict.ok) return verdict.user;
    throw unauthorized();
  }
  if (user === "invalid" || request.headers.authorization !== undefined) throw unauthorized();
  return anonymous;
}
