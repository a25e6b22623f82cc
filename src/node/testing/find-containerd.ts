/** Whether tests can start a containerd of their own. */
import { findProgram } from "../../kernel/find-program.ts";

export const containerdProgram = findProgram("containerd", `${process.env.PATH}:/usr/bin:/usr/sbin`);

export const noContainerd = (): string | false => {
  if (containerdProgram === undefined) return "Debian's containerd is not installed";
  return process.getuid?.() === 0 ? false : "containerd needs root";
};
