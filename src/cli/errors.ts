/** A wish that cannot be met: `message` is the one sentence for the person at the prompt. Exit code 1. */
export class CliError extends Error {}

/** The command line itself is wrong. Exit code 2. */
export class UsageError extends Error {}

export const errorCode = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
