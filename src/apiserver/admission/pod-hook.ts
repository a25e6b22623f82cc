/** What Pods get beside their own defaults: account and token, priority, tolerations. Each file names the admission plugin it stands for. */
import { setTimeout as delay } from "node:timers/promises";
import type { Pod, PriorityClass, ServiceAccount } from "../../api/object.ts";
import { pods, priorityClasses, serviceAccounts } from "../../api/resource.ts";
import { forbidden } from "../../api/status.ts";
import type { Store } from "../../store/store.ts";
import type { StoredObject } from "../codec.ts";
import { createStoreCache } from "../store-cache.ts";
import { type Priority, setPriority } from "./pod-priority.ts";
import { type Account, applyAccount, setAccountName } from "./pod-service-account.ts";
import { setDefaultTolerations, type TolerationSeconds } from "./pod-tolerations.ts";
import { admitted, type WriteHook } from "./write-hook.ts";

export interface PodHookOptions {
  readonly store: Store;
  readonly signal: AbortSignal;
  /** False: accounts need not exist, and Pods get no token. */
  readonly accounts: boolean;
  readonly tolerationSeconds: TolerationSeconds;
}

const podOf = (object: StoredObject): Pod => object as unknown as Pod;
const accountKey = ({ metadata, spec }: Pod): string => `${metadata.namespace}/${spec.serviceAccountName ?? ""}`;

/** A namespace is made without its account "default", which follows at once. */
const accountWaits = { attempts: 100, everyMs: 10 };

async function requireAccount(pod: Pod, accounts: ReadonlyMap<string, Account>): Promise<void> {
  const { name, namespace } = pod.metadata;
  const account = pod.spec.serviceAccountName ?? "";
  for (let attempt = 1; !accounts.has(accountKey(pod)); attempt++) {
    if (account !== "default" || attempt > accountWaits.attempts) {
      const missing = `serviceaccount ${JSON.stringify(account)} not found`;
      throw forbidden(pods, name, `error looking up service account ${namespace}/${account}: ${missing}`);
    }
    await delay(accountWaits.everyMs);
  }
}

/** A Pod that is replaced by what its user wrote keeps what it was given. */
function keepGiven({ spec }: Pod, { spec: old }: Pod): void {
  if (spec.priority === undefined && old.priority !== undefined) spec.priority = old.priority;
  if (spec.preemptionPolicy === undefined && old.preemptionPolicy) spec.preemptionPolicy = old.preemptionPolicy;
}

export async function createPodHook({
  store,
  signal,
  accounts: wanted,
  tolerationSeconds,
}: PodHookOptions): Promise<WriteHook> {
  const keepAccount = ({ automountServiceAccountToken, imagePullSecrets }: ServiceAccount): Account => ({
    ...(automountServiceAccountToken === undefined ? {} : { automountServiceAccountToken }),
    ...(imagePullSecrets ? { imagePullSecrets } : {}),
  });
  const keepPriority = ({ value, preemptionPolicy, globalDefault }: PriorityClass): Priority => ({
    value,
    ...(preemptionPolicy ? { preemptionPolicy } : {}),
    ...(globalDefault ? { globalDefault } : {}),
  });
  const [accounts, classes] = await Promise.all([
    createStoreCache(store, serviceAccounts, { keep: keepAccount, signal }),
    createStoreCache(store, priorityClasses, { keep: keepPriority, signal }),
  ]);
  return {
    repeatable: true,
    async ready(object) {
      const pod = podOf(object);
      if (!pod.spec) return;
      setAccountName(pod);
      if (wanted) await requireAccount(pod, accounts);
    },
    admit(object, old) {
      const pod = podOf(object);
      if (!pod.spec) return admitted;
      if (old) {
        keepGiven(pod, podOf(old));
      } else {
        const account = wanted ? accounts.get(accountKey(pod)) : undefined;
        if (account) applyAccount(pod, account);
        setPriority(pod, classes);
      }
      setDefaultTolerations(pod, tolerationSeconds);
      return admitted;
    },
  };
}
