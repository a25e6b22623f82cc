/** What containers are told by an image's config (pure). Source: OCI image-spec v1.1, config.md. */
import { constants } from "node:os";
import type { Image } from "../image.ts";
import type { ImageConfig } from "./manifest.ts";

/** "SIGQUIT", "QUIT" or "3"; undefined for a signal that Node does not know (SIGRTMIN+3). */
export function parseSignal(text: string): NodeJS.Signals | undefined {
  const signals = Object.entries(constants.signals) as [NodeJS.Signals, number][];
  return signals.find(([name, number]) => name === text || name === `SIG${text}` || String(number) === text)?.[0];
}

const machinePath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

function variables(lines: readonly string[]): Record<string, string> {
  const pairs = lines.map((line) => {
    const equals = line.indexOf("=");
    return equals < 0 ? [line, ""] : [line.slice(0, equals), line.slice(equals + 1)];
  });
  return { PATH: machinePath, ...(Object.fromEntries(pairs) as Record<string, string>) };
}

export function imageOfConfig({ config }: ImageConfig, { id, root }: Pick<Image, "id" | "root">): Image {
  const stopSignal = parseSignal(config?.StopSignal ?? "");
  return {
    ...{ id, root },
    entrypoint: config?.Entrypoint ?? [],
    cmd: config?.Cmd ?? [],
    env: variables(config?.Env ?? []),
    workingDir: config?.WorkingDir || "/",
    ...(config?.User && { user: config.User }),
    ...(stopSignal && { stopSignal }),
  };
}
