/**
 * Bundles src/ into dist/: fairlead.js, each command by itself (a process loads only what it runs, and that in few files:
 * one more is half a millisecond of its start), and echo.js, the built-in server image. Native code stays
 * outside, in koffi's packages for each platform.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { basename, dirname, join } from "node:path";
import { build } from "esbuild";

const root = join(import.meta.dirname, "..");
const outdir = join(root, "dist");

/** What `kubectl explain` says of each field; an empty file stays so until it is removed. */
function provideDescriptions() {
  const path = join(root, "src", "api", "openapi", "descriptions.gen.json");
  const isInstalled = existsSync(join(root, "node_modules", "@kubernetes", "client-node"));
  if (existsSync(path) && (statSync(path).size > 10 || !isInstalled)) return;
  const { status } = spawnSync(process.execPath, [join(root, "scripts", "describe-fields.ts")], {
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) process.exit(1);
}
provideDescriptions();

/** Building again would pull the chunks from under a running cluster: only when a source is newer. */
function isFresh() {
  const built = join(outdir, "package.json");
  if (!existsSync(built)) return false;
  const { mtimeMs } = statSync(built);
  const sources = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true });
  return sources.every((file) => statSync(join(file.parentPath, file.name)).mtimeMs <= mtimeMs);
}
if (isFresh()) process.exit(0);
rmSync(outdir, { recursive: true, force: true });

/**
 * An import of a module of Node's as an ECMAScript module reads every one of its exports, and with them loads what this
 * program never uses, as the WebSocket client of node:http: 40 ms of each start. Asked for as a plain object it does not.
 * @param {string} text
 */
function withPlainBuiltins(text) {
  const statement = /^import (?:(?:\* as )?(\w+))?(?:, )?(\{[^}]*\})? from "([^"]+)";$/gm;
  return text.replace(statement, (all, whole, names, path) =>
    isBuiltin(path)
      ? [whole, names?.replaceAll(" as ", ": ")]
          .flatMap((name) => (name ? [`const ${name} = process.getBuiltinModule("${path}");`] : []))
          .join("\n")
      : all,
  );
}

/** Libraries written for require() find it here. @param {string} text */
const withRequire = (text) =>
  text.includes("typeof require")
    ? `const require = process.getBuiltinModule("node:module").createRequire(import.meta.url);\n${text}`
    : text;

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node26",
  format: "esm",
  outdir,
  // Its form of ECMAScript modules loads in half the time.
  alias: { yaml: join(root, "node_modules", "yaml", "browser", "index.js") },
  write: false,
  logLevel: "warning",
  legalComments: "none",
  minifySyntax: true,
  loader: { ".json": "json" },
};
const commandsOutside = {
  name: "commands-outside",
  setup(/** @type {import("esbuild").PluginBuild} */ build) {
    build.onResolve({ filter: /^\.\/commands\// }, ({ path }) => ({
      path: path.replace(/\.ts$/, ".js"),
      external: true,
    }));
  },
};

/**
 * In many files only what is rarely needed: of the proxy's late parts, its data planes, it needs one at each start.
 * @param {string} name
 */
const buildCommand = (name) =>
  build({
    ...common,
    entryPoints: { [name]: `src/cli/commands/${name}.ts` },
    outdir: join(outdir, "commands"),
    splitting: name !== "proxy",
    chunkNames: `${name}/[name]-[hash]`,
  });

const commands = readdirSync(join(root, "src", "cli", "commands")).map((file) => basename(file, ".ts"));
const bundles = await Promise.all([
  build({ ...common, entryPoints: { fairlead: "src/cli/main.ts" }, plugins: [commandsOutside] }),
  build({ ...common, entryPoints: { echo: "src/node/images/echo/server.ts" } }),
  ...commands.map(buildCommand),
]);
for (const { path, text } of bundles.flatMap(({ outputFiles }) => outputFiles)) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, withRequire(withPlainBuiltins(text)));
}
writeFileSync(join(outdir, "package.json"), '{ "type": "module" }\n');
