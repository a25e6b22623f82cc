/** With which rights the cluster runs on this machine: as root, or as root of a user namespace. */
import { missingPrograms, probeTier, type TierChoice } from "../../kernel/capabilities.ts";
import { CliError } from "../errors.ts";

export type MachineTier = Extract<TierChoice, { ok: true }>;

/** Throws CliError with the one sentence that says what is missing and how to get it. */
export function requireTier(): MachineTier {
  const [missing] = missingPrograms();
  if (missing) throw new CliError(`${missing}.`);
  const choice = probeTier();
  if (!choice.ok) throw new CliError(`${choice.reason}.`);
  return choice;
}

/** As people say it. */
export const tierName = (tier: MachineTier["tier"]): string => (tier === "root" ? "root" : "user namespace");
