/** A wish that cannot be met: `message` is the one sentence for the person at the prompt. */
export class CliError extends Error {
  /** Told by this rather than by the class: in the bundle each command has a class of its own. */
  readonly exitCode = 1;
}

/** The command line itself is wrong. */
export class UsageError extends Error {
  readonly exitCode = 2;
}

/** Of an error of either kind. */
export const exitCodeOf = (error: unknown): number | undefined =>
  error instanceof Error && "exitCode" in error && typeof error.exitCode === "number" ? error.exitCode : undefined;

export const errorCode = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
