/** One call of grpc.health.v1.Health/Check over HTTP/2 without TLS. Source: core/v1 GRPCAction, "GRPC Health Checking Protocol", "gRPC over HTTP2". */
import type { ClientHttp2Session } from "node:http2";

const path = "/grpc.health.v1.Health/Check";
const userAgent = "kube-probe/1.36";
const unimplemented = "12";
/** HealthCheckResponse.ServingStatus. */
const statuses = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];

export type HealthAnswer = { readonly ok: true } | { readonly ok: false; readonly message: string };

/** HealthCheckRequest: field 1 is the service. With the frame's five bytes before it: not compressed, length. */
function requestFrame(service: string): Buffer {
  const name = Buffer.from(service);
  const lengths: number[] = [];
  for (let left = name.length; lengths.length === 0 || left > 0; left >>>= 7)
    lengths.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
  const message = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, ...lengths]), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** HealthCheckResponse: field 1 is the status; a message without it says UNKNOWN. */
function statusOf(frame: Buffer): string {
  const message = frame.subarray(5);
  return statuses[message[0] === 0x08 ? (message[1] ?? 0) : 0] ?? "UNKNOWN";
}

function judge(frame: Buffer, { code, text }: { code: string; text: string }): HealthAnswer {
  if (code === unimplemented) {
    return {
      ok: false,
      message: `this server does not implement the grpc health protocol (grpc.health.v1.Health): ${text}`,
    };
  }
  if (code !== "0") return { ok: false, message: `error: health rpc probe failed: code = ${code} desc = ${text}` };
  const status = statusOf(frame);
  return status === "SERVING" ? { ok: true } : { ok: false, message: `service unhealthy (responded with "${status}")` };
}

function call(session: ClientHttp2Session, service: string): Promise<HealthAnswer> {
  const stream = session.request({
    ...{ ":method": "POST", ":path": path, ":scheme": "http", "content-type": "application/grpc", te: "trailers" },
    "user-agent": userAgent,
  });
  return new Promise((resolve, reject) => {
    let body = Buffer.alloc(0);
    let trailers: Readonly<Record<string, unknown>> = {};
    // An answer without a message has its status among its headers.
    stream.on("response", (headers) => {
      if (headers[":status"] !== 200) reject(new Error(`unexpected HTTP status code ${headers[":status"]}`));
      trailers = headers;
    });
    stream.on("trailers", (headers) => {
      trailers = headers;
    });
    stream.on("data", (chunk: Buffer) => {
      body = Buffer.concat([body, chunk]).subarray(0, 1024);
    });
    stream.on("error", reject);
    stream.on("end", () => {
      const text = decodeURIComponent(String(trailers["grpc-message"] ?? ""));
      resolve(judge(body, { code: String(trailers["grpc-status"] ?? "2"), text }));
    });
    stream.end(requestFrame(service));
  });
}

/** Never rejects. */
export async function checkHealth(
  address: { readonly host: string; readonly port: number },
  { service, timeoutMs }: { service: string; timeoutMs: number },
): Promise<HealthAnswer> {
  // Loaded when the first such probe is made: few Pods have one.
  const { connect } = await import("node:http2");
  const target = `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
  const session = connect(`http://${target}`);
  const failed = new Promise<never>((_, reject) => session.once("error", reject));
  const late = Promise.withResolvers<HealthAnswer>();
  const message = `timeout: failed to connect service "${target}" within ${timeoutMs / 1000}s: context deadline exceeded`;
  const timer = setTimeout(() => late.resolve({ ok: false, message }), timeoutMs);
  try {
    return await Promise.race([call(session, service), failed, late.promise]);
  } catch (error) {
    return { ok: false, message: `error: failed to connect service at "${target}": ${(error as Error).message}` };
  } finally {
    clearTimeout(timer);
    session.on("error", () => undefined);
    session.destroy();
  }
}
