/** All rows, and how they run: in order, against one cluster of its own for each kubectl. */
import { createClient } from "../../../src/client/rest.ts";
import { start } from "../../../src/controllers/testing/cluster.ts";
import { createLog } from "../../../src/lib/log.ts";
import { type Program, startKubectl } from "../run-kubectl.ts";
import { type Command, type Session, sessionOf } from "./command.ts";
import { making } from "./making.ts";
import { reading } from "./reading.ts";
import { running } from "./running.ts";
import { writing } from "./writing.ts";

export const commands: readonly Command[] = [...reading, ...making, ...running, ...writing];

export const isKnownTo = ({ version }: Program, { since = 0 }: Command): boolean =>
  Number(version.split(".")[1]) >= since;

/** An API server with all controllers and two Nodes; what it takes ends by `after`. */
export async function open(program: Program, after: (end: () => void | Promise<void>) => void): Promise<Session> {
  const kubectl = await startKubectl(program.path);
  const { pki, port } = kubectl.server;
  const { certificate: cert, key } = pki.client("control-plane");
  const config = { server: `https://127.0.0.1:${port}`, ca: pki.ca, cert, key, namespace: "default" };
  const client = createClient(config, { userAgent: "matrix", log: createLog(() => {}) });
  const ends: (() => void | Promise<void>)[] = [];
  await start({ after: (end) => void ends.push(end) }, { open: async () => client, nodeGraceMs: 3_600_000 });
  after(async () => {
    for (const end of ends) await end();
    await kubectl.close();
  });
  return sessionOf(kubectl, program.version);
}
