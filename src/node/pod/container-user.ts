/** Who a container runs as: the Pod's word first, then the image's. Source: core/v1 SecurityContext; OCI image-spec, config.md, "User". */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Container, PodSecurityContext } from "kubernetes-types/core/v1";
import type { Pod } from "../../api/object.ts";
import { ContainerConfigError } from "../environment/field-ref.ts";
import type { Image } from "../images/image.ts";
import { findImageUser, type ImageUser } from "../images/image-user.ts";
import type { ContainerUser } from "../runtime/container-runtime.ts";
import { machineFiles } from "../runtime/file-view.ts";
import { resolveInRoot } from "../runtime/resolve-in-root.ts";
import type { PodContext } from "./pod-context.ts";

interface UserInputs {
  readonly pod: Pod;
  readonly container: Container;
  readonly image: Image;
}

/** A file of the image; empty when there is none. */
function readFromImage({ root }: Image, path: string): string {
  if (root.kind !== "unpacked") return "";
  const resolved = resolveInRoot(root.directory, path, machineFiles);
  try {
    return resolved === undefined ? "" : readFileSync(join(root.directory, resolved), "utf8");
  } catch {
    return "";
  }
}

/** The image's own, or, of the user that the Pod names, what the image knows of it. */
function imageUser({ container, image }: UserInputs, given: number | undefined): ImageUser {
  const name = given === undefined ? image.user : String(given);
  if (!name) return { uid: 0, gid: 0 };
  const files = { passwd: readFromImage(image, "/etc/passwd"), group: readFromImage(image, "/etc/group") };
  const user = findImageUser(name, files);
  if (user) return user;
  throw new ContainerConfigError(
    `container ${container.name} cannot start: its image runs as "${name}", which is in no /etc/passwd or /etc/group of the image`,
  );
}

/** `runAsNonRoot` is a promise that only a number can keep. */
function checkNonRoot({ container, image, pod }: UserInputs, given: number | undefined, uid: number): void {
  const { runAsNonRoot } = { ...pod.spec.securityContext, ...container.securityContext };
  if (!runAsNonRoot) return;
  const subject = `(pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${container.name})`;
  const [name = ""] = (image.user ?? "").split(":");
  if (given === 0) {
    throw new ContainerConfigError(`container's runAsUser breaks non-root policy ${subject}`);
  }
  if (given === undefined && name !== "" && !/^\d+$/.test(name)) {
    throw new ContainerConfigError(
      `container has runAsNonRoot and image has non-numeric user (${name}), cannot verify user is non-root ${subject}`,
    );
  }
  if (uid === 0) throw new ContainerConfigError(`container has runAsNonRoot and image will run as root ${subject}`);
}

/** Source: core/v1 PodSecurityContext.supplementalGroups, fsGroup and supplementalGroupsPolicy. */
function supplementalGroups({ spec }: Pod, { groups: ofImage = [] }: ImageUser): number[] {
  const {
    supplementalGroups: given = [],
    fsGroup,
    supplementalGroupsPolicy = "Merge",
  } = (spec.securityContext ?? {}) as PodSecurityContext & { supplementalGroupsPolicy?: string };
  const merged = supplementalGroupsPolicy === "Strict" ? [] : ofImage;
  return [...new Set([...merged, ...given, ...(fsGroup === undefined ? [] : [fsGroup])])];
}

/** Undefined: user 0. Throws ContainerConfigError for a user that cannot be had. */
export function containerUser(inputs: UserInputs, { otherUsers, recorder }: PodContext): ContainerUser | undefined {
  const { pod, container, image } = inputs;
  const given = { ...pod.spec.securityContext, ...container.securityContext };
  const own = imageUser(inputs, given.runAsUser);
  const { uid, gid } = { uid: own.uid, gid: given.runAsGroup ?? own.gid };
  checkNonRoot(inputs, given.runAsUser, uid);
  const groups = supplementalGroups(pod, own);
  if (uid === 0 && gid === 0 && groups.length === 0) return undefined;
  if (otherUsers) return { uid, gid, ...(groups.length > 0 && { groups }) };
  if (uid === 0) return undefined;
  if (given.runAsUser === undefined && own.uid !== 0) {
    throw new ContainerConfigError(
      `container ${container.name} cannot start: its image runs as user ${image.user}, and fairlead was started by an ordinary user, whose user namespace has user 0 only; set securityContext.runAsUser to 0, or start fairlead as root`,
    );
  }
  const message = `Container ${container.name} asks for user ${uid} and runs as user 0: fairlead was started by an ordinary user, whose user namespace has no other; start it as root for more`;
  recorder.record(pod, { type: "Warning", reason: "UserNotAvailable", message });
  return undefined;
}
