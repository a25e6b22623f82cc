/** The program beside a container (or a command in it) that an OCI runtime has started and left alone (text of Perl; pure). Source: prctl(2), unix(7), cmsg(3). */

/** Of recvmsg and dup3: <asm/unistd.h>. */
const callNumbers: Readonly<Record<string, { prctl: number; recvmsg: number; dup3: number }>> = {
  x64: { prctl: 157, recvmsg: 47, dup3: 292 },
  arm64: { prctl: 167, recvmsg: 212, dup3: 24 },
};

/**
 * Orphans become its children (36: PR_SET_CHILD_SUBREAPER), so that it learns how the container's first process ends
 * after the runtime has left. A terminal comes through the console socket (SCM_RIGHTS) and stays open as descriptor 3.
 * With `events` it is a container's shim: descriptor 5 is the FIFO that a line comes into once the output was read. Without, it
 * writes to descriptor 4 when the command is its child, and ends as that ends; a terminal it holds until its stdin ends, so that
 * the command is hung up on when the last one who shows it has gone.
 */
export const keeperProgram = `
use strict; my %o;
while (@ARGV) { my $a = shift @ARGV; last if $a eq "--"; my ($k, $v) = split /=/, $a, 2; $o{$k} = $v }
my ($shim, $console) = (defined $o{exited}, $o{console});
sub get { my ($path) = @_; open(my $file, "<", $path) or return ""; local $/; my $text = <$file>; $text // "" }
sub put { my ($path, $text) = @_; open(my $file, ">", $path) or return; print $file $text; close $file }
sub complain { my ($text) = @_; $shim ? put("setup-error", "$text\\n") : print STDERR "$text\\n" }
sub code { my ($status) = @_; $status & 127 ? 128 + ($status & 127) : $status >> 8 }
sub let_go { my ($fd) = @_; open(my $handle, "<&=$fd") or return; close $handle }

sub terminal {
  my ($listener) = @_;
  accept(my $socket, $listener) or return;
  my ($bytes, $control) = ("\\0" x 256, "\\0" x 24);
  my $vector = pack("P Q", $bytes, 256);
  my $message = pack("Q L x4 P Q P Q L x4", 0, 0, $vector, 1, $control, 24, 0);
  syscall($o{recvmsg}, fileno($socket), $message, 0) >= 0 or return;
  close $_ for $socket, $listener;
  my ($level, $type, $fd) = unpack("x8 l l l", $control);
  return unless $type == 1 && $fd > 2;
  return if $fd == 3;
  syscall($o{dup3}, $fd, 3, 0);
  let_go($fd);
}

sub start {
  my $listener;
  if (defined $console) {
    socket($listener, 1, 1, 0) && bind($listener, pack("S Z*", 1, $console)) && listen($listener, 1)
      or complain("console socket: $!");
  }
  for my $file (split /:/, $o{cgroups} // "") { put($file, "0\\n") }
  my $failed = system { $ARGV[0] } @ARGV;
  my $words = join "; ", map { s/\\\\(.)/$1/gr } get($o{log}) =~ /"msg"\\s*:\\s*"((?:[^"\\\\]|\\\\.)*)"/g;
  my $pid = get($o{pid}) + 0;
  terminal($listener) if $listener && !$failed;
  unlink $o{log}, $o{pid}, $console // (), $o{process} // ();
  return $pid if !$failed && $pid;
  complain($words || "$ARGV[0] ended with " . code($?) . " ($!)");
  exit($words =~ /no such file|not found/i ? 127 : 126) unless $shim;
  return 0;
}

syscall($o{prctl}, 36, 1, 0, 0, 0);
my ($pid, $code) = (0, 128);
$pid = start() unless $o{setup} && system("/bin/sh", $o{setup});
if ($pid && $shim) {
  put("process", get("/proc/$pid/stat"));
  put("mount-namespace", readlink("/proc/$pid/ns/mnt") // "");
  put($o{started}, "");
}
unless ($shim) {
  open(my $begun, ">&=4");
  syswrite($begun, "\\n");
  close $begun;
  readline STDIN if defined $console;
  let_go(3) if defined $console;
}
while ($pid) {
  my $ended = waitpid(-1, 0);
  last if $ended < 0;
  next if $ended != $pid;
  $code = code($?);
  last;
}
if ($shim) {
  kill("TERM", $o{holder}) if $o{holder};
  put($o{exited}, "$code\\n");
  open(my $control, "<&=5");
  readline $control;
} else {
  exit $code;
}
`.trimStart();

export interface KeeperFiles {
  /** Names in its working directory, which it removes: of the runtime's log, of the file with the number of the process. */
  readonly log: string;
  readonly pid: string;
  /** Where the runtime connects to bring the terminal. */
  readonly console?: string | undefined;
  /** What runs in the container, for an exec. */
  readonly process?: string | undefined;
}

export interface KeeperOptions extends KeeperFiles {
  readonly program: string;
  /** The process files of cgroups that it enters, and all that it starts. */
  readonly cgroups?: readonly string[] | undefined;
  /** For a container: its files, as `readState` reads them, and a script of sh that makes its root. */
  readonly shim?: { readonly started: string; readonly exited: string; readonly setup: string };
}

/** Words that run it; what follows is the runtime's. */
export function keeperCommand({ program, cgroups = [], shim, ...files }: KeeperOptions): string[] {
  const { prctl, recvmsg, dup3 } = callNumbers[process.arch] ?? { prctl: 157, recvmsg: 47, dup3: 292 };
  const options = { prctl, recvmsg, dup3, ...files, ...shim };
  return [
    "/usr/bin/perl",
    program,
    ...Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`])),
    ...(cgroups.length > 0 ? [`cgroups=${cgroups.join(":")}`] : []),
  ];
}
