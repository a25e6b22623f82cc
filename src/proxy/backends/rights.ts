/** For who may not change the kernel's rules: the end of a sentence. */
export const mustBeRoot =
  "this process may not change the kernel's rules; run it as root of the node, or with CAP_NET_ADMIN";
