/** The IPC namespaces of a node's Pods, one file each. */
import { join } from "node:path";
import type { IpcPort } from "./port.ts";

export class PodIpc {
  readonly #port: IpcPort;
  readonly #directory: string;

  constructor(port: IpcPort, directory: string) {
    this.#port = port;
    this.#directory = directory;
  }

  /** Its path; made when it is not there. */
  create(podUid: string): string {
    const path = join(this.#directory, podUid);
    this.#port.ensureIpc(path);
    return path;
  }

  remove(podUid: string): void {
    this.#port.deleteIpc(join(this.#directory, podUid));
  }

  /** Uids of the Pods that have one. */
  list(): readonly string[] {
    return this.#port.listIpc(this.#directory);
  }
}
