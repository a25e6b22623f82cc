/** One container of a Pod through all its starts: what is known of it, its probes and its end. */
import type { ContainerState as ApiState, Container, ContainerStatus } from "kubernetes-types/core/v1";
import type { Pod } from "../../api/object.ts";
import { ContainerProbes } from "../probes/container-probes.ts";
import type { ContainerInfo } from "../runtime/container-runtime.ts";
import { containerId, terminatedState } from "./container-status.ts";
import { ContainerStop } from "./container-stop.ts";
import type { ContainerRole, ContainerView, Instance } from "./container-view.ts";
import { lastWords } from "./last-words.ts";
import type { PodContext } from "./pod-context.ts";
import type { RestartBackoff } from "./restart-backoff.ts";

/** What a slot needs of its Pod. */
export interface SlotOwner {
  readonly context: PodContext;
  readonly pod: Pod;
  readonly ip: string;
  /** Something of the status changed. */
  readonly changed: () => void;
}

export class ContainerSlot {
  readonly name: string;
  readonly role: ContainerRole;
  /** As the Pod has it now. */
  container: Container & { readonly targetContainerName?: string };
  waiting: ContainerView["waiting"];
  backoff: RestartBackoff | undefined;
  /** Not before this time another try (an image, a reference that was missing). */
  retryAtMs = 0;
  retries = 0;
  readonly #owner: () => SlotOwner;
  /** A start that never reached the runtime. */
  #failed: Instance | undefined;
  #id: string | undefined;
  #replacing = false;
  #words: { readonly id: string; readonly text: string | undefined } | undefined;
  #last: ApiState | undefined;
  #probes: ContainerProbes | undefined;
  #stop: ContainerStop | undefined;
  /** Starts that only the API server remembers: of a former run of the cluster. */
  readonly #firstAttempt: number;

  constructor(role: ContainerRole, container: Container, owner: () => SlotOwner) {
    this.name = container.name;
    this.role = role;
    this.container = container;
    this.#owner = owner;
    const known = this.#statusInApi();
    this.#firstAttempt = known?.containerID ? (known.restartCount ?? 0) + 1 : 0;
    this.#last = known?.state?.terminated ? known.state : known?.lastState?.terminated ? known.lastState : undefined;
  }

  get info(): ContainerInfo | undefined {
    return this.#id === undefined ? undefined : this.#owner().context.runtime.get(this.#id);
  }

  get current(): Instance | undefined {
    const { info } = this;
    return info ? { ...info, message: this.#lastWordsOf(info) } : this.#failed;
  }

  /** Read once: nobody writes it after the end. */
  #lastWordsOf(info: ContainerInfo): string | undefined {
    if (info.state.kind !== "exited") return undefined;
    if (this.#words?.id !== info.id) {
      const policy = this.container.terminationMessagePolicy;
      this.#words = { id: info.id, text: lastWords(info, { ...this.#owner().context, policy }) };
    }
    return this.#words.text;
  }

  get running(): boolean {
    const kind = this.info?.state.kind;
    return kind === "running" || kind === "starting";
  }

  get view(): ContainerView {
    const { current, name, role, waiting } = this;
    const runs = this.info?.state.kind === "running";
    return {
      ...{ name, role, image: this.container.image ?? "", restartPolicy: this.container.restartPolicy },
      ...(current && { current }),
      ...(this.#last && { last: this.#last }),
      ...(waiting && { waiting }),
      ...(this.#replacing && { replacing: true }),
      ready: runs && (this.#probes?.ready ?? true),
      started: runs && (this.#probes?.started ?? true),
    };
  }

  /** The number that the next start gets; the plan counts from 0 when it knows of none. */
  attemptOf(planned: number): number {
    return this.current ? planned : this.#firstAttempt;
  }

  /** Takes over what a former agent started; `infos` are this container's, older starts are forgotten. */
  adopt(infos: readonly ContainerInfo[]): void {
    const [latest, ...older] = [...infos].sort((a, b) => b.attempt - a.attempt);
    for (const { id } of older) void this.#owner().context.runtime.remove(id);
    if (!latest) return;
    this.#id = latest.id;
    const known = this.#statusInApi();
    this.#last = known?.lastState?.terminated ? known.lastState : undefined;
    const same = known?.containerID === containerId(latest);
    this.#beginProbes(same ? { ready: known.ready, started: known.started ?? false } : undefined);
  }

  /** A new start takes the place of the one before. */
  replace(next: { readonly id: string } | { readonly failed: Instance }): string | undefined {
    const before = this.current;
    this.#last = (before && terminatedState(before)) ?? this.#last;
    const old = this.#id;
    this.#id = "id" in next ? next.id : undefined;
    this.#failed = "failed" in next ? next.failed : undefined;
    this.waiting = undefined;
    this.#replacing = false;
    this.endProbes();
    return old;
  }

  /** Call it when the runtime has news of this container. */
  observe(): void {
    if (this.info?.state.kind === "running") this.#beginProbes();
    if (this.info?.state.kind !== "exited") return;
    this.endProbes();
    this.#stop?.close();
    this.#stop = undefined;
  }

  /** Begins to end it, once; a later call can only bring the deadline nearer. */
  stop(deadlineMs: number, message: string): void {
    if (!this.running || this.#id === undefined) return;
    if (this.#stop) {
      this.#stop.hasten(deadlineMs);
      return;
    }
    const { context, pod, ip } = this.#owner();
    context.recorder.record(pod, { type: "Normal", reason: "Killing", message });
    const onHookFailure = (text: string) =>
      context.recorder.record(pod, {
        type: "Warning",
        reason: "FailedPreStopHook",
        message: `PreStopHook failed: ${text}`,
      });
    const { container } = this;
    this.#stop = new ContainerStop({ ...context, id: this.#id, container, ip, deadlineMs, onHookFailure });
  }

  /** The Pod's image for it is another by now: it is ended, to be started anew. */
  stopIfReplaced(): void {
    const { info, role, container } = this;
    if (info?.state.kind !== "running" || role === "init" || role === "ephemeral") return;
    if (this.#replacing || info.image === (container.image ?? "")) return;
    this.#replacing = true;
    const { context, pod } = this.#owner();
    const graceMs = (pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
    this.stop(context.clock.now() + graceMs, `Container ${this.name} definition changed, will be restarted`);
  }

  /** Its status changed by somebody else's doing. */
  changed(): void {
    this.#owner().changed();
  }

  keepOnlyReadiness(): void {
    this.#probes?.stopAllButReadiness();
  }

  endProbes(): void {
    this.#probes?.close();
    this.#probes = undefined;
  }

  close(): void {
    this.endProbes();
    this.#stop?.close();
  }

  #statusInApi(): ContainerStatus | undefined {
    const {
      containerStatuses = [],
      initContainerStatuses = [],
      ephemeralContainerStatuses = [],
    } = this.#owner().pod.status ?? {};
    return [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(
      ({ name }) => name === this.name,
    );
  }

  #beginProbes(known?: { ready: boolean; started: boolean }): void {
    const { readinessProbe, livenessProbe, startupProbe } = this.container;
    const state = this.info?.state;
    if (this.#probes || state?.kind !== "running" || !(readinessProbe || livenessProbe || startupProbe)) return;
    const { context, ip, changed } = this.#owner();
    const { id = "" } = this.info ?? {};
    this.#probes = new ContainerProbes({
      container: this.container,
      ip,
      startedAtMs: state.startedAtMs,
      known,
      clock: context.clock,
      exec: (argv, options) => context.runtime.exec(id, argv, options),
      onChange: changed,
      onFailure: (message, reason) => context.recorder.record(this.#owner().pod, { type: "Warning", reason, message }),
      onDead: (kind, seconds) => this.#onDead(kind, seconds),
    });
  }

  #onDead(kind: string, gracePeriodSeconds: number | undefined): void {
    const { context, pod, changed } = this.#owner();
    const seconds = gracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30;
    this.stop(context.clock.now() + seconds * 1000, `Container ${this.name} failed ${kind} probe, will be restarted`);
    changed();
  }
}
