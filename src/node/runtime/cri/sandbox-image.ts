/**
 * A program for sandboxes, and the image that holds it (bytes; pure): it waits, and as the first process of shared pids has no
 * children to wait for. Sources: elf(5), sigaction(2), pause(2), ppoll(2); OCI image-spec, image-layout.md.
 */
import { createHash } from "node:crypto";
import { Header } from "tar";
import { machinePlatform } from "../../images/loaded.ts";

const words = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, 4 * index);
  return bytes;
};

/** Both end with a struct sigaction: SIG_IGN for SIGCHLD has the kernel take care of children that have ended. */
const ignore = words(1, 0, 0, 0, 0, 0, 0, 0);
const programs: Readonly<Record<string, { readonly machine: number; readonly code: Buffer }>> = {
  // rt_sigaction(17, &ignore, 0, 8), then pause() for ever.
  amd64: {
    machine: 62,
    code: Buffer.concat([
      Buffer.from("b80d000000" + "bf11000000" + "488d3517000000" + "31d2" + "41ba08000000" + "0f05", "hex"),
      Buffer.from("b822000000" + "0f05" + "ebf7" + "90909090", "hex"),
      ignore,
    ]),
  },
  // The same, with ppoll(0, 0, 0, 0).
  arm64: {
    machine: 183,
    code: Buffer.concat([
      words(0xd28010c8, 0xd2800220, 0x10000181, 0xd2800002, 0xd2800103, 0xd4000001),
      words(0xd2800928, 0xd2800000, 0xd2800001, 0xd2800002, 0xd2800003, 0xd4000001, 0x17fffffa, 0xd503201f),
      ignore,
    ]),
  },
};

const base = 0x400000;
const headBytes = 64 + 56;

/** Undefined for a processor that nobody has written it for. */
export function pauseProgram(architecture: string): Buffer | undefined {
  const program = programs[architecture];
  if (!program) return undefined;
  const { machine, code } = program;
  const head = Buffer.alloc(headBytes);
  // 64 bits, little-endian, version 1; an executable with one segment, read and executed.
  head.write("7f454c46020101", 0, "hex");
  head.writeUInt16LE(2, 16);
  head.writeUInt16LE(machine, 18);
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(BigInt(base + headBytes), 24);
  head.writeBigUInt64LE(64n, 32);
  for (const [offset, value] of [
    [52, 64],
    [54, 56],
    [56, 1],
  ] as const)
    head.writeUInt16LE(value, offset);
  head.writeUInt32LE(1, 64);
  head.writeUInt32LE(5, 68);
  head.writeBigUInt64LE(BigInt(base), 80);
  head.writeBigUInt64LE(BigInt(base), 88);
  for (const offset of [96, 104]) head.writeBigUInt64LE(BigInt(headBytes + code.length), offset);
  head.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([head, code]);
}

const block = 512;

function tar(files: readonly { readonly path: string; readonly body: Buffer; readonly mode?: number }[]): Buffer {
  const parts = files.flatMap(({ path, body, mode = 0o644 }) => {
    const header = new Header({ path, mode, uid: 0, gid: 0, type: "File", size: body.length, mtime: new Date(0) });
    header.encode();
    return [header.block ?? Buffer.alloc(0), body, Buffer.alloc((block - (body.length % block)) % block)];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}

const digestOf = (body: Buffer): string => `sha256:${createHash("sha256").update(body).digest("hex")}`;

/** An archive as "ctr images import" reads it; throws an Error for a processor that there is no program for. */
export function sandboxImage(name: string, platform = machinePlatform()): Buffer {
  const program = pauseProgram(platform.architecture);
  if (!program) throw new Error(`there is no sandbox image for ${platform.architecture}`);
  const blobs: Buffer[] = [];
  const add = (mediaType: string, content: Buffer | object) => {
    const body = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
    blobs.push(body);
    return { mediaType: `application/vnd.oci.image.${mediaType}`, digest: digestOf(body), size: body.length };
  };
  const layer = add("layer.v1.tar", tar([{ path: "pause", body: program, mode: 0o755 }]));
  const rootfs = { type: "layers", diff_ids: [layer.digest] };
  const config = add("config.v1+json", { ...platform, config: { Entrypoint: ["/pause"] }, rootfs });
  const manifest = add("manifest.v1+json", { schemaVersion: 2, config, layers: [layer] });
  const annotations = { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, platform, annotations }] };
  return tar([
    { path: "oci-layout", body: Buffer.from('{"imageLayoutVersion":"1.0.0"}') },
    { path: "index.json", body: Buffer.from(JSON.stringify(index)) },
    ...blobs.map((body) => ({ path: `blobs/sha256/${digestOf(body).slice("sha256:".length)}`, body })),
  ]);
}
