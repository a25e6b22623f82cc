import assert from "node:assert/strict";
import test from "node:test";
import type { ContainerSpec } from "./container-runtime.ts";
import type { FileView } from "./file-view.ts";
import { missingCommand } from "./find-command.ts";
import { planRoot } from "./root-plan.ts";
import type { SetupStep } from "./setup-step.ts";

/** A machine of these paths; a name with "/" at its end is a directory, one with "->" a link. */
function machine(...paths: string[]): FileView {
  const links = new Map(
    paths.filter((path) => path.includes("->")).map((path) => path.split("->") as [string, string]),
  );
  const directories = new Set(["/", ...paths.filter((path) => path.endsWith("/")).map((path) => path.slice(0, -1))]);
  const files = new Set(paths.filter((path) => !path.endsWith("/") && !path.includes("->")));
  const all = [...directories, ...files, ...links.keys()].filter((path) => path !== "/");
  return {
    kindOf: (path) => (directories.has(path) ? "directory" : files.has(path) || links.has(path) ? "other" : undefined),
    readLink: (path) => links.get(path),
    entries: (directory) =>
      all
        .filter((path) => path.slice(0, path.lastIndexOf("/")) === (directory === "/" ? "" : directory))
        .map((path) => {
          const linkTarget = links.get(path);
          const kind = linkTarget === undefined ? (directories.has(path) ? "directory" : "other") : "symlink";
          return { name: path.slice(path.lastIndexOf("/") + 1), kind, ...(linkTarget !== undefined && { linkTarget }) };
        }),
  };
}

function describe(step: SetupStep): string {
  switch (step.kind) {
    case "mount":
      return `mount ${step.type === "none" ? step.source : step.type} ${step.target} ${step.options}`;
    case "directories":
      return `mkdir ${step.paths.join(" ")}`;
    case "file":
      return `file ${step.path}`;
    case "symlink":
      return `link ${step.path} ${step.target}`;
    case "copy":
      return `copy ${step.from} ${step.to}`;
    case "read-only":
      return `read-only ${step.path}`;
  }
}

const view = machine(
  "/bin->usr/bin",
  "/usr/",
  "/usr/bin/",
  "/etc/",
  "/etc/hosts",
  "/etc/ssl/",
  "/proc/",
  "/v/",
  "/v/file",
  "/dev/",
  "/dev/null",
  "/sys/",
);
const proc = "mount proc /proc nosuid,nodev,noexec";

test("planRoot(): mounts over what the machine has need no new root", () => {
  const plan = planRoot(
    { kind: "machine" },
    { mounts: [{ source: "/v/file", target: "/etc/hosts", readOnly: true }], directory: "/r", view },
  );
  assert.equal(plan.root, undefined);
  assert.deepEqual(plan.steps.map(describe), [proc, "mount /v/file /etc/hosts rbind,ro,nosuid,nodev"]);
});

test("planRoot(): for a target that the machine lacks, only the directories on its way are made anew", () => {
  const mounts = [
    { source: "/v", target: "/etc/app/conf", readOnly: false },
    { target: "/cache", readOnly: false },
  ];
  const plan = planRoot({ kind: "machine" }, { mounts, directory: "/r", view });
  assert.equal(plan.root, "/r");
  assert.deepEqual(plan.steps.map(describe), [
    "mount tmpfs /r mode=0755",
    "mkdir /r/usr",
    "mount /usr /r/usr rbind",
    "mkdir /r/etc",
    "mkdir /r/etc/ssl",
    "mount /etc/ssl /r/etc/ssl rbind",
    "file /r/etc/hosts",
    "mount /etc/hosts /r/etc/hosts rbind",
    "mkdir /r/proc",
    "mkdir /r/v",
    "mount /v /r/v rbind",
    "mkdir /r/dev",
    "mount /dev /r/dev rbind",
    "mkdir /r/sys",
    "mount /sys /r/sys rbind",
    "link /r/bin usr/bin",
    "mount proc /r/proc nosuid,nodev,noexec",
    "mkdir /r/etc/app/conf",
    "mount /v /r/etc/app/conf rbind",
    "mkdir /r/cache",
    "mount tmpfs /r/cache rw",
  ]);
});

test("planRoot(): a target behind a link of the machine is made in the new root, not on the machine", () => {
  const linked = machine("/var/", "/var/run->/run", "/run/", "/run/user/");
  const mounts = [{ source: "/v", target: "/var/run/secrets/token", readOnly: true }];
  const plan = planRoot({ kind: "machine" }, { mounts, directory: "/r", view: linked });
  assert.deepEqual(plan.steps.map(describe), [
    "mount tmpfs /r mode=0755",
    "mkdir /r/var",
    "mount /var /r/var rbind",
    "mkdir /r/run",
    "mkdir /r/run/user",
    "mount /run/user /r/run/user rbind",
    "mount proc /r/proc nosuid,nodev,noexec",
    "mkdir /r/run/secrets/token",
    "mount /v /r/run/secrets/token rbind,ro,nosuid,nodev",
  ]);
});

test("planRoot(): an image's own root gets its directories, devices and /proc before the Pod's mounts", () => {
  const image = {
    kind: "assembled",
    skeleton: "/i/skeleton",
    directories: [{ source: "/i/bin", target: "/bin", readOnly: true }],
  } as const;
  const plan = planRoot(image, {
    mounts: [{ source: "/v/file", target: "/etc/hosts", readOnly: false }],
    directory: "/r",
    view,
  });
  assert.deepEqual(plan.steps.map(describe), [
    "mount tmpfs /r mode=0755",
    "copy /i/skeleton /r",
    "mkdir /r/bin /r/dev",
    "file /r/dev/null",
    "mount proc /r/proc nosuid,nodev,noexec",
    "mount /sys /r/sys rbind",
    "mount /i/bin /r/bin rbind,ro,nosuid,nodev",
    "mount /dev/null /r/dev/null rbind",
    "mkdir /r/etc",
    "file /r/etc/hosts",
    "mount /v/file /r/etc/hosts rbind",
  ]);
});

const commands: readonly [string, Partial<ContainerSpec>, string | undefined][] = [
  ["sh", {}, undefined],
  ["/usr/bin/sh", {}, undefined],
  ["./sh", { workingDir: "/usr/bin" }, undefined],
  ["nope", {}, 'exec: "nope": executable file not found in $PATH'],
  ["/nope", {}, 'exec: "/nope": stat /nope: no such file or directory'],
  ["/usr/bin", {}, 'exec: "/usr/bin": stat /usr/bin: no such file or directory'],
  ["/data/file", { mounts: [{ source: "/v", target: "/data", readOnly: false }] }, undefined],
  [
    "/data/none",
    { mounts: [{ source: "/v", target: "/data", readOnly: false }] },
    'exec: "/data/none": stat /data/none: no such file or directory',
  ],
];
for (const [program, more, want] of commands) {
  test(`missingCommand("${program}")`, () => {
    const base = {
      argv: [program],
      env: { PATH: "/none:/usr/bin" },
      workingDir: "/",
      root: { kind: "machine" },
      mounts: [],
      ...more,
    };
    const files = machine("/usr/", "/usr/bin/", "/usr/bin/sh", "/v/", "/v/file");
    assert.equal(missingCommand(base as unknown as ContainerSpec, files), want);
  });
}
