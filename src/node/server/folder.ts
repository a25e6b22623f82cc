/** Files below a folder over HTTP, as the kubelet serves /logs/: folders as lists of links, files as text. */
import { createReadStream, readdirSync, realpathSync, statSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { join, sep } from "node:path";

const escapeHtml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const listOf = (names: readonly string[]): string =>
  `<pre>\n${names.map((name) => `<a href="${escapeHtml(encodeURI(name))}">${escapeHtml(name)}</a>\n`).join("")}</pre>\n`;

/** The file that `path` (of a URL, below `folder`) means; undefined when there is none, or it lies outside. */
function find(folder: string, path: string): string | undefined {
  try {
    const root = realpathSync(folder);
    const found = realpathSync(join(root, decodeURIComponent(path)));
    return found === root || found.startsWith(root + sep) ? found : undefined;
  } catch {
    return undefined;
  }
}

export function sendFolder(response: ServerResponse, folder: string, path: string): void {
  const found = find(folder, path);
  if (found === undefined) {
    response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("404 page not found\n");
    return;
  }
  if (!statSync(found).isDirectory()) {
    response.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
    createReadStream(found)
      .on("error", () => response.destroy())
      .pipe(response);
    return;
  }
  const names = readdirSync(found, { withFileTypes: true }).map(
    (entry) => entry.name + (entry.isDirectory() ? "/" : ""),
  );
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(listOf(names.sort()));
}
