import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cniConfig, cniPlugin, cniType } from "../../node/runtime/cri/cni-plugin.ts";
import type { Command } from "../command.ts";
import { CliError, errorCode } from "../errors.ts";
import { parseOptions } from "../options.ts";
import { print } from "../print.ts";

const options = {
  install: { type: "boolean", help: "write the plugin and its configuration (default: show both)" },
  "sandbox-image": {
    type: "string",
    value: "NAME",
    help: 'write an image by that name, containerd\'s sandbox_image, to standard output, for "ctr --namespace k8s.io images import -"',
  },
  "bin-dir": { type: "string", value: "DIR", help: "containerd's bin_dir (default /opt/cni/bin)" },
  "conf-dir": { type: "string", value: "DIR", help: "containerd's conf_dir (default /etc/cni/net.d)" },
} as const;

/** Before those of others: containerd takes the first of the folder. */
const configFile = "10-fairlead.conflist";

function install(bin: string, conf: string): readonly string[] {
  const [plugin, loopback, config] = [join(bin, cniType), join(bin, "loopback"), join(conf, configFile)];
  try {
    for (const folder of [bin, conf]) mkdirSync(folder, { recursive: true });
    writeFileSync(plugin, cniPlugin);
    chmodSync(plugin, 0o755);
    writeFileSync(config, `${cniConfig}\n`);
    if (existsSync(loopback)) return [plugin, config];
    symlinkSync(cniType, loopback);
    return [plugin, loopback, config];
  } catch (error) {
    throw new CliError(
      `Cannot write the CNI plugin (${errorCode(error) ?? (error as Error).message}): run it as root.`,
    );
  }
}

export const command: Command = {
  usage: "[--install | --sandbox-image NAME] [--bin-dir DIR] [--conf-dir DIR]",
  summary: "What containerd needs for Pods: the CNI plugin of their network, the sandbox's image",
  options,
  examples: [
    ["fairlead cni --install", 'once, before "fairlead up --container-runtime unix:///run/containerd/containerd.sock"'],
  ],
  async run(args) {
    const { values } = parseOptions(args, options);
    const name = values["sandbox-image"];
    if (name !== undefined) {
      const { sandboxImage } = await import("../../node/runtime/cri/sandbox-image.ts");
      print(sandboxImage(name));
      return 0;
    }
    const [bin, conf] = [values["bin-dir"] ?? "/opt/cni/bin", values["conf-dir"] ?? "/etc/cni/net.d"];
    if (values.install) for (const path of install(bin, conf)) print(`${path}\n`);
    else print(`# ${join(conf, configFile)}\n${cniConfig}\n# ${join(bin, cniType)}\n${cniPlugin}`);
    return 0;
  },
};
