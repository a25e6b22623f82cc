/** Whether a containerd can run Pods of fairlead's, before a cluster is made. */
import { CriClient } from "./client.ts";
import { cniType } from "./cni-plugin.ts";

interface VerboseConfig {
  readonly sandboxImage?: string;
  readonly cni?: { readonly binDir?: string; readonly confDir?: string };
}

function parse<T>(text: string | undefined): Partial<T> {
  try {
    return JSON.parse(text ?? "{}") as Partial<T>;
  } catch {
    return {};
  }
}

/** A sentence that says what to do; undefined: it can. Rejects when nobody answers. */
export async function criProblemAt(socket: string): Promise<string | undefined> {
  const client = new CriClient(socket);
  try {
    return await criProblem(client);
  } finally {
    client.close();
  }
}

async function criProblem(client: CriClient): Promise<string | undefined> {
  const { status, info } = await client.call("status", { verbose: true });
  const problem = status?.conditions.find(({ status: fine }) => !fine);
  const { sandboxImage, cni = {} } = parse<VerboseConfig>(info.config);
  const { confDir = "/etc/cni/net.d", binDir = "/opt/cni/bin" } = cni;
  const isOurs = (info.cniconfig ?? "").includes(`"${cniType}"`);
  if (problem && problem.type !== "NetworkReady") return `it is not ready: ${problem.message}`;
  if (problem || !isOurs) {
    return `its network is not fairlead's: "fairlead cni --install --bin-dir ${binDir} --conf-dir ${confDir}" changes that, for all its Pods`;
  }
  if (sandboxImage === undefined) return undefined;
  const { image } = await client.call("imageStatus", { image: { image: sandboxImage } });
  return image
    ? undefined
    : `its sandbox_image ${sandboxImage} is not in its store: "fairlead cni --sandbox-image ${sandboxImage} | ctr --namespace k8s.io images import -" brings one`;
}
