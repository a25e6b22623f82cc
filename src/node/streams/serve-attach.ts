/** The streams of a running container, for one client among others. */
import type { ContainerRuntime } from "../runtime/container-runtime.ts";
import { type ExecStatus, statusOfError, success } from "./exec-status.ts";
import type { Session } from "./session.ts";

/** The container and its log never wait for a client: one that is so far behind is sent away. */
const behindLimitBytes = 16 * 1024 * 1024;

type Runtime = Pick<ContainerRuntime, "get" | "streams" | "onChange">;

/** Resolves when the container has ended or the client has gone. */
export async function serveAttach(session: Session, id: string, runtime: Runtime): Promise<void> {
  const over = Promise.withResolvers<ExecStatus | undefined>();
  session.gone.addEventListener("abort", () => over.resolve(undefined), { once: true });
  if (session.gone.aborted) over.resolve(undefined);
  const streams = runtime.streams(id);
  const stopOutput = streams?.onOutput((chunk, stream) => {
    const target = session[stream];
    if (!target || target.destroyed) return;
    target.write(Buffer.from(chunk));
    if (target.writableLength > behindLimitBytes) over.resolve(statusOfError("the client reads too slowly"));
  });
  const stopListening = runtime.onChange((info) => {
    if (info.id === id && info.state.kind === "exited") over.resolve(success);
  });
  if (!streams || runtime.get(id)?.state.kind === "exited") over.resolve(success);
  const stdin = session.stdin && streams?.openStdin();
  session.onResize((size) => streams?.resize(size));
  if (stdin) session.stdin?.pipe(stdin);
  else session.stdin?.resume();
  const status = await over.promise;
  stopOutput?.();
  stopListening();
  stdin?.destroy();
  if (status) await session.finish(status);
}
