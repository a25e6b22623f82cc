/** What this machine allows: as root or in a user namespace, with which programs and kernel features; each fault is one sentence with its remedy. */
import { spawnSync } from "node:child_process";
import { findProgram } from "./find-program.ts";
import { readSysctl } from "./sysctl.ts";

/** `root`: plain namespaces. `user-namespace`: the same inside a user namespace, where the ordinary user is root. */
export type Tier = "root" | "user-namespace";

export type TierChoice =
  | { readonly ok: true; readonly tier: Tier; readonly reason: string }
  | { readonly ok: false; readonly reason: string };

export interface TierFacts {
  readonly uid: number;
  /** Error of `unshare --net --mount`; "" if it works. Only tried as root. */
  readonly plainError: string;
  /** Error of the same with `--user --map-root-user`; "" if it works. Only tried where plain ones do not work. */
  readonly userError: string;
  /** Values of the three settings that forbid user namespaces; undefined where the kernel has no such setting. */
  readonly settings: Readonly<Partial<Record<keyof typeof remedies, string>>>;
}

/** Setting → the value that forbids user namespaces, and one that allows them. */
const remedies = {
  // Ubuntu 23.10 and later.
  "kernel.apparmor_restrict_unprivileged_userns": { forbids: "1", allows: "0" },
  // Debian and Arch kernels; Debian allows since 11.
  "kernel.unprivileged_userns_clone": { forbids: "0", allows: "1" },
  "user.max_user_namespaces": { forbids: "0", allows: "15000" },
} as const;

/** Chooses the tier from what was tried. */
export function chooseTier({ uid, plainError, userError, settings }: TierFacts): TierChoice {
  if (uid === 0 && plainError === "") return { ok: true, tier: "root", reason: "fairlead runs as root" };
  if (userError === "") {
    const reason =
      uid === 0
        ? `root may not make network namespaces here (${plainError}), but user namespaces are allowed`
        : "fairlead runs as an ordinary user and user namespaces are allowed";
    return { ok: true, tier: "user-namespace", reason };
  }
  for (const [name, { forbids, allows }] of Object.entries(remedies)) {
    if (settings[name as keyof typeof remedies] !== forbids) continue;
    const reason = `This system forbids user namespaces (${name} is ${forbids}): allow them with "sudo sysctl -w ${name}=${allows}", or run fairlead as root`;
    return { ok: false, reason };
  }
  const remedy = uid === 0 ? "in a container, start it with --privileged" : "run fairlead as root";
  return { ok: false, reason: `Cannot make a user namespace (${userError}): ${remedy}` };
}

/** Tries what `chooseTier` asks; 2 to 5 ms. Needs the program unshare: see `missingPrograms`. */
export function probeTier(): TierChoice {
  const uid = process.geteuid?.() ?? -1;
  const plainError = uid === 0 ? tryUnshare([]) : "not root";
  const userError = plainError === "" ? "not tried" : tryUnshare(["--user", "--map-root-user"]);
  const settings = Object.fromEntries(Object.keys(remedies).map((name) => [name, readSysctl(name)]));
  return chooseTier({ uid, plainError, userError, settings });
}

/** The error text, "" if the namespaces can be made. */
function tryUnshare(flags: readonly string[]): string {
  const args = [...flags, "--net", "--mount", "--pid", "--fork", "true"];
  const { status, stderr, error } = spawnSync("unshare", args, { encoding: "utf8", timeout: 5_000 });
  if (status === 0) return "";
  return (
    (error?.message ??
      stderr
        .trim()
        .split("\n")[0]
        ?.replace(/^unshare: /, "")) ||
    `unshare ended with ${status}`
  );
}

/** System programs that run at run time, with the Debian package that has them. */
const programs = {
  unshare: "util-linux",
  nsenter: "util-linux",
  setpriv: "util-linux",
  mount: "mount",
  sh: "dash",
  perl: "perl-base",
} as const;

/** One sentence for each program that is not in the search path. */
export function missingPrograms(searchPath = process.env.PATH ?? ""): string[] {
  return Object.entries(programs)
    .filter(([name]) => findProgram(name, searchPath) === undefined)
    .map(([name, source]) => `The program "${name}" is missing: install the Debian package "${source}"`);
}
