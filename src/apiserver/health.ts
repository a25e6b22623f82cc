/** /healthz, /livez and /readyz: plain text, with ?verbose a line for each check. */

export interface HealthCheck {
  readonly name: string;
  /** True: all is well. */
  readonly check: () => boolean;
}

export interface HealthAnswer {
  readonly code: 200 | 500;
  readonly text: string;
}

/** `path` e.g. "/readyz" or "/readyz/store". Undefined: there is no check of that name. */
export function answerHealth(
  path: string,
  checks: readonly HealthCheck[],
  { verbose }: { verbose: boolean },
): HealthAnswer | undefined {
  const [root = "", only] = path.split("/").filter(Boolean);
  const wanted = only === undefined ? checks : checks.filter(({ name }) => name === only);
  if (wanted.length === 0) return undefined;
  const results = wanted.map(({ name, check }) => ({ name, ok: check() }));
  const healthy = results.every(({ ok }) => ok);
  const lines = results.map(({ name, ok }) => `[${ok ? "+" : "-"}]${name} ${ok ? "ok" : "failed"}`);
  const end = `${root} check ${healthy ? "passed" : "failed"}`;
  const text = healthy && !verbose ? "ok" : `${[...lines, end].join("\n")}\n`;
  return { code: healthy ? 200 : 500, text };
}
