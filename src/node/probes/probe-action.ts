/** Makes one probe: a request, a connection or a command. */
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import type { Container, HTTPGetAction, Probe } from "kubernetes-types/core/v1";
import type { ExecResult } from "../runtime/container-runtime.ts";

// An import of node:http would evaluate all of its exports, WebSocket among them: 35 ms and 7 MB more.
const { request: httpRequest } = process.getBuiltinModule("node:http");

export type ProbeResult = { readonly ok: true } | { readonly ok: false; readonly message: string };

export interface ProbeTarget {
  readonly ip: string;
  readonly container: Pick<Container, "ports">;
  readonly timeoutMs: number;
  exec(argv: readonly string[], options: { timeoutMs: number }): Promise<ExecResult>;
}

const userAgent = "kube-probe/1.36";

/** A number, or the name of one of the container's ports. */
export function resolvePort(
  port: number | string | undefined,
  { ports = [] }: Pick<Container, "ports">,
): number | undefined {
  if (typeof port === "number") return port;
  const named = ports.find(({ name }) => name === port)?.containerPort;
  return named ?? (/^\d+$/.test(port ?? "") ? Number(port) : undefined);
}

function headersOf({ httpHeaders = [] }: HTTPGetAction): Record<string, string> {
  const headers: Record<string, string> = { "user-agent": userAgent, accept: "*/*", connection: "close" };
  for (const { name, value } of httpHeaders) headers[name.toLowerCase()] = value;
  return headers;
}

function failure(message: string): ProbeResult {
  return { ok: false, message };
}

/** The name that errors of the transport are reported under, as the kubelet does. */
function describe(error: Error & { code?: string }, address: string): string {
  if (error.code === "ECONNREFUSED") return `dial tcp ${address}: connect: connection refused`;
  if (error.code === "EHOSTUNREACH") return `dial tcp ${address}: connect: no route to host`;
  return error.message;
}

/** 200 to 399 is good; the body is not read. */
function probeHttp(action: HTTPGetAction, port: number, { ip, timeoutMs }: ProbeTarget): Promise<ProbeResult> {
  const secure = action.scheme === "HTTPS";
  const host = action.host || ip;
  const path = action.path?.startsWith("/") ? action.path : `/${action.path ?? ""}`;
  const url = `${secure ? "https" : "http"}://${host}:${port}${path}`;
  return new Promise((resolve) => {
    const options = {
      host,
      port,
      path,
      headers: headersOf(action),
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
    };
    const request = secure ? httpsRequest({ ...options, rejectUnauthorized: false }) : httpRequest(options);
    request.on("response", (response) => {
      const status = response.statusCode ?? 0;
      response.destroy();
      resolve(status >= 200 && status < 400 ? { ok: true } : failure(`HTTP probe failed with statuscode: ${status}`));
    });
    request.on("error", (error) => {
      const late = error.name === "AbortError" || error.name === "TimeoutError";
      const text = late
        ? "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        : describe(error, `${host}:${port}`);
      resolve(failure(`Get "${url}": ${text}`));
    });
    request.end();
  });
}

function probeTcp(host: string, port: number, timeoutMs: number): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal: AbortSignal.timeout(timeoutMs) });
    socket.on("connect", () => {
      socket.destroy();
      resolve({ ok: true });
    });
    socket.on("error", (error) => {
      const late = error.name === "AbortError" || error.name === "TimeoutError";
      resolve(failure(late ? `dial tcp ${host}:${port}: i/o timeout` : describe(error, `${host}:${port}`)));
    });
  });
}

async function probeExec(argv: readonly string[], { exec, timeoutMs }: ProbeTarget): Promise<ProbeResult> {
  const { exitCode, output } = await exec(argv, { timeoutMs });
  if (exitCode === 0) return { ok: true };
  return failure(
    exitCode === undefined
      ? `command timed out: "${argv.join(" ")}" timed out after ${timeoutMs / 1000}s`
      : output.trimEnd(),
  );
}

/** A probe that this agent does not make (gRPC) is never good; its message says so. */
export function makeProbe(
  probe: Pick<Probe, "exec" | "httpGet" | "tcpSocket" | "grpc">,
  target: ProbeTarget,
): Promise<ProbeResult> {
  if (probe.exec) return probeExec(probe.exec.command ?? [], target);
  const network = probe.httpGet ?? probe.tcpSocket;
  if (!network)
    return Promise.resolve(failure("gRPC probes are not supported by fairlead yet: use httpGet, tcpSocket or exec"));
  const port = resolvePort(network.port, target.container);
  if (port === undefined) return Promise.resolve(failure(`the container has no port named "${network.port}"`));
  if (probe.httpGet) return probeHttp(probe.httpGet, port, target);
  return probeTcp(network.host || target.ip, port, target.timeoutMs);
}
