/** Makes addresses reachable from outside the nodes; one implementation for each way to do so. */
import type { Service } from "../api/object.ts";

export interface Announcer {
  /** Makes `address` lead to `service`'s nodes; again for the same address when the Service changed. Resolves when it does. */
  announce(address: string, about: { service: Service }): Promise<void>;
  /** Takes it back; an address that is not announced is no error. */
  withdraw(address: string): Promise<void>;
  /** Addresses that may be announced by a former process: those of the pools that nobody has are withdrawn at the start. */
  left?(): Promise<readonly string[]>;
}
