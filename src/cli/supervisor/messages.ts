/** What the supervisor and the processes inside the cluster's namespaces say to each other (Node's IPC channel). */

/** A port of the host's loopback, in one family. */
export interface HostPort {
  readonly protocol: "TCP" | "UDP";
  readonly host: "127.0.0.1" | "::1";
  readonly port: number;
}

export const keyOf = ({ protocol, host, port }: HostPort): string => `${protocol} ${host} ${port}`;

/** To the same port of a node; no `target`: no node is ready. */
export interface LeadingPort extends HostPort {
  readonly target?: string;
}

export type ToSupervisor =
  /** The process does its work. */
  | { readonly type: "ready" }
  /** It cannot: one sentence. */
  | { readonly type: "failed"; readonly message: string }
  /** All ports of the host that are wanted (control plane); answered by "port-refused" for each that cannot be had. */
  | { readonly type: "host-ports"; readonly ports: readonly LeadingPort[] }
  /** Answer to "dial" (agent), with the connected socket unless it failed. */
  | { readonly type: "dialed"; readonly id: number; readonly failure?: string }
  /** Answer to "check" (agent): undefined when the cluster's DNS and the API's Service answer. */
  | { readonly type: "checked"; readonly problem: string | undefined };

export type FromSupervisor =
  /** Certificates and kubeconfigs are there: begin. Comes after each start of the process. */
  | { readonly type: "start" }
  | ({ readonly type: "port-refused"; readonly reason: string } & HostPort)
  /** Open a socket in the cluster's underlay and hand it over: TCP connected, UDP for any destination. */
  | ({ readonly type: "dial"; readonly id: number } & Destination)
  /** Resolve `name` by the cluster's DNS and connect to the API's Service, from the node. */
  | { readonly type: "check"; readonly name: string; readonly timeoutMs: number };

export interface Destination {
  readonly protocol: "TCP" | "UDP";
  readonly address: string;
  readonly port: number;
}
