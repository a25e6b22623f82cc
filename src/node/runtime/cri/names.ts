/** What stands for containerd in options, records and RuntimeClasses (pure). */

/** As a handler. */
export const criHandler = "containerd";

const prefix = "unix://";

/** Of "unix:///run/containerd/containerd.sock"; undefined for another kind of name. */
export const socketOf = (name: string): string | undefined =>
  name.startsWith(`${prefix}/`) ? name.slice(prefix.length) : undefined;
