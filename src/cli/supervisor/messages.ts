/** What the supervisor and the processes inside the cluster's namespaces say to each other (Node's IPC channel). */

/** A port of the host's loopback, in one family. */
export interface HostPort {
  readonly protocol: "TCP" | "UDP";
  readonly host: "127.0.0.1" | "::1";
  readonly port: number;
}

export type ToSupervisor =
  /** The process does its work. */
  | { readonly type: "ready" }
  /** It cannot: one sentence. */
  | { readonly type: "failed"; readonly message: string }
  /** The host's port is wanted (control plane); answered by "port" with the listening handle, or "port-refused". */
  | ({ readonly type: "open-port" } & HostPort)
  /** Answer to "check" (agent): undefined when the cluster's DNS and the API's Service answer. */
  | { readonly type: "checked"; readonly problem: string | undefined };

export type FromSupervisor =
  /** Certificates and kubeconfigs are there: begin. Comes after each start of the process. */
  | { readonly type: "start" }
  | ({ readonly type: "port" } & HostPort)
  /** Without `reason`: the host has no such address. */
  | ({ readonly type: "port-refused"; readonly reason?: string } & HostPort)
  /** Resolve `name` by the cluster's DNS and connect to the API's Service, from the node. */
  | { readonly type: "check"; readonly name: string };
