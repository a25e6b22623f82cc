/** Processes by /proc (proc_pid_stat(5)), safe against a number that is used again. */
import { readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { close, hasCode, pidfdGetfd, pidfdOpen, pidfdSendSignal } from "./ffi.ts";

/** A process for ever: the number and when it started tell it from a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Ticks since boot, as text: /proc/<pid>/stat field 22. */
  readonly startTime: string;
}

export interface ProcessStat extends ProcessIdentity {
  readonly parentPid: number;
  /** Number of its session's first process; 0 for one outside of this pid namespace. */
  readonly session: number;
  /** First 15 bytes of the program's name. */
  readonly name: string;
  /** "R", "S", "D", "Z" (ended, not yet waited for), … */
  readonly state: string;
}

/** Undefined if there is no such process. */
export function readProcess(pid: number): ProcessStat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return undefined;
  }
}

/** The name stands in brackets and may itself hold blanks and brackets. */
export function parseStat(text: string): ProcessStat | undefined {
  const [, pid, name, rest] = /^(\d+) \((.*)\) (.*)$/s.exec(text) ?? [];
  const fields = rest?.split(" ");
  const [state, parentPid, session, startTime] = [fields?.[0], fields?.[1], fields?.[3], fields?.[19]];
  if (!pid || name === undefined || !state || !parentPid || !startTime) return undefined;
  return { pid: Number(pid), name, state, parentPid: Number(parentPid), session: Number(session), startTime };
}

/** The identity to keep of a process that runs now; undefined if there is none. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readProcess(pid);
  return stat && { pid: stat.pid, startTime: stat.startTime };
}

/** True while this very process runs; a process that ended and was not waited for is no longer alive. */
export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  const stat = readProcess(pid);
  return stat !== undefined && stat.startTime === startTime && stat.state !== "Z" && stat.state !== "X";
}

/** All processes that this mount of /proc shows. */
export function listProcesses(): ProcessStat[] {
  return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? (readProcess(Number(name)) ?? []) : []));
}

/** The direct children of a process, by all of its threads. */
export function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

/** Sends a signal to this very process and says whether it was there; never hits another with the same number. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  let fd: number | undefined;
  try {
    fd = pidfdOpen(identity.pid);
    if (!isAlive(identity)) return false;
    pidfdSendSignal(fd, constants.signals[signal]);
    return true;
  } catch (error) {
    if (hasCode(error, "ESRCH")) return false;
    throw error;
  } finally {
    if (fd !== undefined) close(fd);
  }
}

/** A copy of this very process's descriptor; undefined when the process is gone. Close it. */
export function copyDescriptor(identity: ProcessIdentity, theirs: number): number | undefined {
  let fd: number | undefined;
  try {
    fd = pidfdOpen(identity.pid);
    return isAlive(identity) ? pidfdGetfd(fd, theirs) : undefined;
  } catch (error) {
    if (hasCode(error, "ESRCH", "EBADF")) return undefined;
    throw error;
  } finally {
    if (fd !== undefined) close(fd);
  }
}
