/** Steps of a root's set-up in as few passes as their order allows: each pass costs processes (pure). */
import { isWithin, type SetupStep } from "./setup-step.ts";

export type MountStep = Extract<SetupStep, { kind: "mount" }>;
type MakeStep = Extract<SetupStep, { kind: "directories" | "file" | "symlink" }>;
export type SingleStep = Exclude<SetupStep, MountStep | MakeStep>;

/** First what is made, then what is mounted; or a step that stands alone. */
export type SetupBatch =
  | {
      readonly directories: readonly string[];
      readonly files: readonly string[];
      readonly links: readonly { readonly target: string; readonly path: string }[];
      readonly mounts: readonly MountStep[];
    }
  | { readonly single: SingleStep };

function isSingle(step: SetupStep): step is SingleStep {
  return step.kind === "copy" || step.kind === "read-only";
}

const pathsOf = (step: MakeStep): readonly string[] => (step.kind === "directories" ? step.paths : [step.path]);

/** What lies under a mount of its batch has to wait for the next one; all else can be made before. */
export function setupBatches(steps: readonly SetupStep[]): SetupBatch[] {
  const batches: SetupBatch[] = [];
  let makes: MakeStep[] = [];
  let mounts: MountStep[] = [];
  const flush = (): void => {
    if (makes.length + mounts.length > 0) batches.push({ ...sorted(makes), mounts });
    [makes, mounts] = [[], []];
  };
  for (const step of steps) {
    if (isSingle(step)) {
      flush();
      batches.push({ single: step });
    } else if (step.kind === "mount") mounts.push(step);
    else {
      if (pathsOf(step).some((path) => mounts.some(({ target }) => isWithin(path, target)))) flush();
      makes.push(step);
    }
  }
  flush();
  return batches;
}

function sorted(makes: readonly MakeStep[]): Omit<Extract<SetupBatch, { mounts: unknown }>, "mounts"> {
  return {
    directories: makes.flatMap((step) => (step.kind === "directories" ? step.paths : [])),
    files: makes.flatMap((step) => (step.kind === "file" ? [step.path] : [])),
    links: makes.flatMap((step) => (step.kind === "symlink" ? [step] : [])),
  };
}
