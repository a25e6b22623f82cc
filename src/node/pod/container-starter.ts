/** Makes a container of a Pod's spec: image, environment, volumes, command. */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import type { Container } from "kubernetes-types/core/v1";
import type { Pod } from "../../api/object.ts";
import { limitsOf } from "../cgroups/settings.ts";
import { buildEnvironment, environmentReferences } from "../environment/environment.ts";
import { expand } from "../environment/expand.ts";
import { ContainerConfigError, type PodFacts } from "../environment/field-ref.ts";
import { serviceVariables } from "../environment/service-variables.ts";
import type { Image } from "../images/image.ts";
import type { ContainerSpec, Mount, PodIdentity } from "../runtime/container-runtime.ts";
import { criHandler } from "../runtime/cri/names.ts";
import { processHandler } from "../runtime/process-engine.ts";
import { volumeMounts } from "../volumes/pod-volumes.ts";
import { readConfigSource } from "./api-objects.ts";
import { containerSecurity, seccompFolder } from "./container-security.ts";
import { containerUser } from "./container-user.ts";
import { terminationMount } from "./last-words.ts";
import type { PodContext } from "./pod-context.ts";
import { logPath, scratchPath } from "./pod-paths.ts";
import type { PodSandbox } from "./pod-sandbox.ts";
import { imageHandler, podHandler } from "./runtime-handler.ts";
import { unsupportedByProcesses } from "./unsupported.ts";

export interface StartInputs {
  readonly pod: Pod;
  readonly container: Container;
  readonly attempt: number;
  readonly image: Image;
  readonly sandbox: PodSandbox;
  readonly facts: PodFacts;
  /** Paths of the Pod's volumes by name. */
  readonly volumes: ReadonlyMap<string, string>;
  /** Id of the container whose pid namespace it shares. */
  readonly pidOwner?: string | undefined;
}

/** Source: "Define a Command and Arguments for a Container": command replaces the entrypoint and drops the image's cmd. */
export function commandOf(
  { command = [], args = [] }: Pick<Container, "command" | "args">,
  { entrypoint, cmd }: Pick<Image, "entrypoint" | "cmd">,
  env: Readonly<Record<string, string>>,
): string[] {
  const given = [...command, ...args].map((text) => expand(text, env));
  if (command.length > 0) return given;
  return [...entrypoint, ...(args.length > 0 ? given : cmd)];
}

async function environmentOf(
  context: PodContext,
  { pod, container, image, facts, sandbox }: StartInputs,
): Promise<Record<string, string>> {
  const { namespace = "default" } = pod.metadata;
  const sources = await readConfigSource(context.client, environmentReferences(container), namespace);
  const links = pod.spec.enableServiceLinks ?? true;
  const services = serviceVariables(context.services.list(), { namespace, links });
  const base = { ...image.env, HOSTNAME: sandbox.names.hostname, ...services };
  return buildEnvironment(container, { facts, sources, base });
}

/** The Pod's own files come first; a mount of the same place wins. The machine's root gets no folder for them. */
function allMounts({ sandbox, image }: StartInputs, own: readonly Mount[]): Mount[] {
  const taken = new Set(own.map(({ target }) => target));
  const fits = ({ target }: Mount) => image.root.kind !== "machine" || existsSync(target);
  return [...sandbox.mounts.filter((mount) => !taken.has(mount.target) && fits(mount)), ...own];
}

/** Whose processes it sees. Source: core/v1 PodSpec.hostPID, shareProcessNamespace and EphemeralContainer.targetContainerName. */
function pidNamespaceOf({ pod, pidOwner }: StartInputs): Pick<ContainerSpec, "pidNamespace"> {
  if (pod.spec.hostPID) return { pidNamespace: "node" };
  return pidOwner === undefined ? {} : { pidNamespace: { container: pidOwner } };
}

function podIdentity(
  { metadata: { name = "", namespace = "default" }, spec }: Pod,
  { podIps }: PodSandbox,
): PodIdentity {
  const all = [...(spec.initContainers ?? []), ...spec.containers];
  const privileged = all.some(({ securityContext }) => securityContext?.privileged);
  return { name, namespace, ips: podIps, ...(privileged && { privileged }) };
}

function tellUnsupported({ recorder }: PodContext, { pod, container }: StartInputs): void {
  for (const message of unsupportedByProcesses(container))
    recorder.record(pod, { type: "Warning", reason: "NotSupported", message });
}

/** Throws ContainerConfigError for a fault of the Pod's making, any other error for one of the moment. */
export async function containerSpec(context: PodContext, inputs: StartInputs): Promise<ContainerSpec> {
  const { pod, container, attempt, image, sandbox, volumes } = inputs;
  const { uid = "" } = pod.metadata;
  const env = await environmentOf(context, inputs);
  const argv = commandOf(container, image, env);
  if (argv.length === 0) throw new ContainerConfigError(`no command specified for container ${container.name}`);
  const user = containerUser(inputs, context);
  const limits = limitsOf(container.resources);
  const handler = imageHandler(await podHandler(context, pod.spec), image);
  if ((handler === processHandler || handler === criHandler) && attempt === 0) tellUnsupported(context, inputs);
  const start = { uid, container: container.name, attempt };
  const own = await volumeMounts(container, { paths: volumes, env });
  return {
    id: randomBytes(32).toString("hex"),
    handler,
    pod: podIdentity(pod, sandbox),
    podUid: uid,
    name: container.name,
    attempt,
    image: container.image ?? "",
    imageId: image.id,
    argv,
    env: container.tty ? { TERM: "xterm", ...env } : env,
    workingDir: container.workingDir || image.workingDir,
    root: image.root,
    mounts: allMounts(inputs, [...own, ...terminationMount(container, { ...context, ...start, root: image.root })]),
    hostname: sandbox.names.utsName,
    logFile: logPath(context.directories, start),
    ...(sandbox.networkNamespace !== undefined && { networkNamespace: sandbox.networkNamespace }),
    scratch: scratchPath(context.directories, start),
    ...(sandbox.ipcNamespace !== undefined && { ipcNamespace: sandbox.ipcNamespace }),
    ...pidNamespaceOf(inputs),
    ...(user && { user }),
    ...containerSecurity(container, pod, handler === processHandler ? undefined : seccompFolder(context.config)),
    ...(limits && { limits }),
    ...(image.stopSignal && { stopSignal: image.stopSignal }),
    ...(container.stdin && { input: container.stdinOnce ? "once" : "open" }),
    ...(container.tty && { tty: true }),
  };
}
