/** How a command ended, as it is told on the error stream: a Status of meta/v1 in its fourth version, text before (pure). */

export interface ExecStatus {
  readonly metadata: Record<string, never>;
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: "NonZeroExitCode" | "InternalError";
  readonly details?: { readonly causes: readonly { readonly reason?: "ExitCode"; readonly message: string }[] };
  readonly code?: number;
}

export const success: ExecStatus = { metadata: {}, status: "Success" };

export function statusOfExit(exitCode: number): ExecStatus {
  if (exitCode === 0) return success;
  return {
    metadata: {},
    status: "Failure",
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(exitCode) }] },
  };
}

export function statusOfError(message: string): ExecStatus {
  const text = `Internal error occurred: ${message}`;
  return {
    metadata: {},
    status: "Failure",
    message: text,
    reason: "InternalError",
    details: { causes: [{ message }] },
    code: 500,
  };
}

/** Up to the third version nothing is said of success. */
export function formatStatus(status: ExecStatus, { json }: { json: boolean }): string {
  if (json) return JSON.stringify(status);
  return status.status === "Success" ? "" : (status.message ?? "");
}
