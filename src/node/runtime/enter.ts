/** The last step before a container's command: its root, its user and what it may do (pure). Source: capabilities(7), prctl(2), seccomp(2). */
import type { ContainerSpec } from "./container-runtime.ts";
import { syscallDenyFilter } from "./seccomp.ts";

/** In the order of their numbers: <linux/capability.h>. */
const capabilityNames = (
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE " +
  "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN " +
  "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE " +
  "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split(" ");

export const isCapability = (name: string): boolean => capabilityNames.includes(name);

/** Those of a line of /proc/<pid>/status, e.g. "000001ffffffffff". */
export function capabilitiesIn(mask: string): string[] {
  const bits = BigInt(`0x${mask}`);
  return capabilityNames.filter((_, number) => (bits >> BigInt(number)) & 1n);
}

const prctlNumbers: Readonly<Record<string, number>> = { x64: 157, arm64: 167 };

/**
 * Perl is part of every Debian (perl-base) and, once loaded, needs no file of the root that it leaves: it can give up
 * capabilities after the change of root, which no program inside the image is there for. 24: PR_CAPBSET_DROP,
 * 38: PR_SET_NO_NEW_PRIVS, 22: PR_SET_SECCOMP with 2: SECCOMP_MODE_FILTER.
 */
const program = `
use strict; my %o;
while (@ARGV) { my $a = shift @ARGV; last if $a eq "--"; my ($k, $v) = split /=/, $a, 2; $o{$k} = $v }
if (defined $o{env}) { %ENV = (); while (@ARGV) { my $a = shift @ARGV; last if $a eq "--"; my ($k, $v) = split /=/, $a, 2; $ENV{$k} = $v } }
sub fail { my ($code, $text) = @_; print STDERR "$text\\n"; exit $code }
for my $file (split /:/, $o{cgroups} // "") {
  open(my $procs, ">", $file) or fail(126, "cgroup $file: $!");
  print $procs "0\\n";
  close($procs) or fail(126, "cgroup $file: $!");
}
if (defined $o{root}) { chroot $o{root} or fail(126, "chroot $o{root}: $!") }
if (defined $o{seccomp}) {
  my $filter = pack "H*", $o{seccomp};
  my $fprog = pack "S x![P] P", length($filter) / 8, $filter;
  syscall($o{prctl}, 22, 2, $fprog, 0, 0) == 0 or fail(126, "seccomp: $!");
}
syscall($o{prctl}, 24, $_ + 0, 0, 0, 0) for split /,/, $o{drop} // "";
if (defined $o{groups}) {
  $) = $o{groups}; my ($gid) = split / /, $o{groups}; $( = $gid;
  ($<, $>) = ($o{uid}, $o{uid});
  $> == $o{uid} or fail(126, "setuid $o{uid}: $!");
}
chdir $o{wd} or fail(126, "chdir to cwd (\\"$o{wd}\\") set in config.json failed: $!");
syscall($o{prctl}, 38, 1, 0, 0, 0) if $o{nnp};
exec { $ARGV[0] } @ARGV;
fail($!{ENOENT} ? 127 : 126, "exec: \\"$ARGV[0]\\": $!");
`
  .replaceAll(/\s*\n\s*/g, " ")
  .trim();

export interface Privileges
  extends Pick<ContainerSpec, "user" | "capabilities" | "noNewPrivileges" | "seccomp" | "workingDir"> {
  /** The process files of its cgroups, where it writes itself down first. */
  readonly cgroups?: readonly string[] | undefined;
}

export interface Surroundings {
  /** Absent: the one that there is. */
  readonly root: string | undefined;
  /** All variables of the command, none of which these words' own program sees; absent: those that there are. */
  readonly env?: ContainerSpec["env"];
}

/** What follows the words is the command. */
export function enterCommand(privileges: Privileges, { root, env }: Surroundings): string[] {
  const { user, capabilities, noNewPrivileges, seccomp, workingDir, cgroups = [] } = privileges;
  const drop = capabilityNames.flatMap((name, number) =>
    capabilities === undefined || capabilities.includes(name) ? [] : [number],
  );
  return [
    "/usr/bin/perl",
    "-e",
    program,
    "--",
    ...(root === undefined ? [] : [`root=${root}`]),
    ...(cgroups.length > 0 ? [`cgroups=${cgroups.join(":")}`] : []),
    `wd=${workingDir}`,
    `prctl=${prctlNumbers[process.arch] ?? prctlNumbers.x64}`,
    ...(drop.length > 0 ? [`drop=${drop.join(",")}`] : []),
    // The first one is its own, which stands among the others as well: setgroups(2).
    ...(user ? [`uid=${user.uid}`, `groups=${[user.gid, user.gid, ...(user.groups ?? [])].join(" ")}`] : []),
    ...(noNewPrivileges ? ["nnp=1"] : []),
    ...(seccomp ? [`seccomp=${syscallDenyFilter(process.arch)}`] : []),
    ...(env ? ["env=1", "--", ...Object.entries(env).map(([name, value]) => `${name}=${value}`)] : []),
    "--",
  ];
}
