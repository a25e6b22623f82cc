/**
 * The CNI plugin that gives a sandbox of containerd the network namespace that the agent has made for the Pod, and
 * its configuration (text; pure). It keeps nothing: what it needs comes as annotations of the sandbox.
 * Sources: CNI specification 0.4.0 and 1.0.0; containerd, capability io.kubernetes.cri.pod-annotations.
 */

/** Of the sandbox: the namespace's path as the machine sees it, and the addresses there ("10.244.0.5/24 fd00::5/64"). */
export const networkAnnotations = { path: "fairlead.dev/netns", addresses: "fairlead.dev/addresses" } as const;

export const cniType = "fairlead";
const annotationsCapability = "io.kubernetes.cri.pod-annotations";

/** For the folder of configurations, e.g. /etc/cni/net.d/10-fairlead.conflist. */
export const cniConfig = JSON.stringify(
  {
    cniVersion: "1.0.0",
    name: cniType,
    plugins: [{ type: cniType, capabilities: { [annotationsCapability]: true } }],
  },
  undefined,
  2,
);

/**
 * For the folder of plugins, under the names "fairlead" and, where there is none, "loopback": containerd asks one of that name
 * for each sandbox, and the agent's namespaces have their loopback up. The namespace is mounted over the one that
 * containerd has made, which is in use by nobody: whoever opens the path from then on has the Pod's.
 */
export const cniPlugin = `#!/bin/sh
conf=$(tr -d '\\n')
find() { printf %s "$conf" | sed -n "s|.*\\"$1\\" *: *\\"\\([^\\"]*\\)\\".*|\\1|p"; }
version=$(find cniVersion)
fail() {
  printf '{"cniVersion":"%s","code":%s,"msg":"%s"}\\n' "\${version:-1.0.0}" "$1" "$2"
  exit 1
}
mounts() { grep -c " $CNI_NETNS " /proc/self/mountinfo; }

case "$CNI_COMMAND" in
VERSION) echo '{"cniVersion":"1.0.0","supportedVersions":["0.3.1","0.4.0","1.0.0"]}'; exit ;;
esac
case "$0" in
*/loopback)
  [ "$CNI_COMMAND" != ADD ] || printf '{"cniVersion":"%s"}\\n' "$version"
  exit ;;
esac
case "$CNI_COMMAND" in
ADD)
  netns=$(find ${networkAnnotations.path})
  [ -n "$netns" ] || fail 7 "this Pod is none of fairlead's: it has no annotation ${networkAnnotations.path}"
  words=$(mount --bind "$netns" "$CNI_NETNS" 2>&1) || fail 100 "$(printf %s "$words" | tr -d '"\\\\' | tr '\\n' ' ')"
  ips=
  for address in $(find ${networkAnnotations.addresses}); do
    case "$address" in *:*) family=6 ;; *) family=4 ;; esac
    case "$version" in 0.*) family="\\"version\\":\\"$family\\"," ;; *) family= ;; esac
    ips="$ips\${ips:+,}{$family\\"interface\\":0,\\"address\\":\\"$address\\"}"
  done
  printf '{"cniVersion":"%s","interfaces":[{"name":"%s","sandbox":"%s"}],"ips":[%s]}\\n' \\
    "$version" "$CNI_IFNAME" "$CNI_NETNS" "$ips"
  ;;
DEL) [ "$(mounts)" -lt 2 ] || umount -l "$CNI_NETNS" ;;
CHECK) [ "$(mounts)" -ge 2 ] || fail 100 "the namespace at $CNI_NETNS is not the Pod's" ;;
*) fail 4 "CNI_COMMAND is $CNI_COMMAND" ;;
esac
`;
