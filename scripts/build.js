/**
 * Bundles src/ into dist/: fairlead.js with one chunk for each command (a process loads only what it runs) and
 * echo.js, the built-in server image. Packages with native parts stay outside.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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
 * An import of node:http as an ECMAScript module reads every one of its exports, and with them loads Node's WebSocket
 * client: 35 ms and 7 MB for each process. Asked for as a plain object it does not.
 */
const lazyHttp = {
  name: "lazy-http",
  setup(/** @type {import("esbuild").PluginBuild} */ build) {
    build.onResolve({ filter: /^node:http$/ }, () => ({ path: "node:http", namespace: "lazy-http" }));
    build.onLoad({ filter: /.*/, namespace: "lazy-http" }, () => ({
      contents: 'module.exports = process.getBuiltinModule("node:http");',
    }));
  },
};

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node26",
  format: "esm",
  outdir,
  external: ["koffi"],
  plugins: [lazyHttp],
  logLevel: "warning",
  legalComments: "none",
  minifySyntax: true,
  loader: { ".json": "json" },
};
// Libraries written for require() find it here.
const banner = { js: 'import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);' };
await build({
  ...common,
  entryPoints: { fairlead: "src/cli/main.ts" },
  splitting: true,
  chunkNames: "chunks/[name]-[hash]",
  banner,
});
await build({ ...common, entryPoints: { echo: "src/node/images/echo/server.ts" } });
writeFileSync(join(outdir, "package.json"), '{ "type": "module" }\n');
