/** What `npm start` shows: the example Services, what each one does, and what to try next. */
import type { Service } from "../api/object.ts";
import { services } from "../api/resource.ts";
import type { ApiClient } from "../client/client.ts";

const portsOf = ({ spec }: Service): string =>
  (spec.ports ?? [])
    .map(({ port, nodePort, protocol }) => `${nodePort ? `${port}:${nodePort}` : port}/${protocol}`)
    .join(",") || "<none>";

const externalOf = ({ spec, status }: Service): string =>
  spec.type === "ExternalName"
    ? (spec.externalName ?? "")
    : (status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip ?? "").join(",") || "<none>";

/** One sentence for each type of Service. */
export function purpose({ metadata, spec }: Service): string {
  const { name } = metadata;
  const [port] = spec.ports ?? [];
  if (spec.type === "ExternalName") return `an alias: the name ${name} resolves to ${spec.externalName}`;
  if (spec.clusterIP === "None") return `no address of its own: the name ${name} resolves to the Pods themselves`;
  if (spec.type === "LoadBalancer") return `an address outside the nodes, here also http://127.0.0.1:${port?.nodePort}`;
  if (spec.type === "NodePort")
    return `port ${port?.nodePort} of every node, here also http://127.0.0.1:${port?.nodePort}`;
  return `one stable address for its Pods: http://${name}:${port?.port} inside the cluster`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd((widths[column] ?? 0) + 3))
        .join("")
        .trimEnd(),
    )
    .join("\n");
}

/** The text under "ready". `kubeconfig`: the file that the context is in. */
export async function demoSummary(client: ApiClient, kubeconfig: string): Promise<string> {
  const { items } = await client.list(services, { namespace: "default" });
  const shown = items.filter(({ metadata }) => metadata.name !== "kubernetes");
  const rows = shown.map((service) => [
    service.metadata.name,
    service.spec.type ?? "ClusterIP",
    service.spec.clusterIP ?? "<none>",
    externalOf(service),
    portsOf(service),
    purpose(service),
  ]);
  const kubectl =
    process.env.KUBECONFIG || kubeconfig.endsWith("/.kube/config") ? "kubectl" : `kubectl --kubeconfig ${kubeconfig}`;
  return [
    table([["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "WHAT IT DOES"], ...rows]),
    "",
    "Try, in another terminal:",
    "  npx fairlead shell -- curl -s http://backend:8080      # through the name, from inside; each time another Pod may answer",
    `  ${kubectl} get svc`,
    `  ${kubectl} scale deployment backend --replicas=5`,
    "",
  ].join("\n");
}
