/** Who asks: the client certificate's CN is the user, its O values are the groups. Source: Kubernetes "Authenticating", X509 client certificates. */
import type { PeerCertificate, TLSSocket } from "node:tls";
import type { User } from "./request.ts";

const anonymous: User = { name: "system:anonymous", groups: ["system:unauthenticated"] };

const users = new WeakMap<TLSSocket, User>();

const listOf = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === "string" ? [value] : value;

function userOf(certificate: PeerCertificate | undefined): User {
  const name = listOf(certificate?.subject?.CN)[0];
  return name ? { name, groups: [...listOf(certificate?.subject.O), "system:authenticated"] } : anonymous;
}

/** The user of a connection, worked out once for each. `invalid`: a certificate was sent that this cluster's authority did not sign. */
export function authenticate(socket: TLSSocket): User | "invalid" {
  const known = users.get(socket);
  if (known) return known;
  const certificate = socket.getPeerCertificate();
  const sent = certificate && Object.keys(certificate).length > 0;
  if (sent && !socket.authorized) return "invalid";
  const user = userOf(sent ? certificate : undefined);
  users.set(socket, user);
  return user;
}
