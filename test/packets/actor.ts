/** A host of the lab: runs in a network namespace of its own, serves and connects as it is told, one JSON line at a time. */
import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import type { Answer, Order } from "./order.ts";

const handlers: { [Do in Order["do"]]: (order: Extract<Order, { do: Do }>) => Promise<Answer> | Answer } = {
  async run({ commands }) {
    for (const [program = "", ...args] of commands)
      execFileSync(program, args, { stdio: ["ignore", "ignore", "inherit"] });
    return {};
  },
  sysctl({ values }) {
    for (const [name, value] of Object.entries(values)) writeFileSync(`/proc/sys/${name}`, value);
    return {};
  },
  serve: ({ protocol, port, name }) => (protocol === "TCP" ? serveTcp(port, name) : serveUdp(port, name)),
  ask: (order) => (order.protocol === "TCP" ? askTcp(order) : askUdp(order)),
  hold: ({ host, port, local }) => hold(host, port, local),
  held: ({ timeoutMs }) => askHeld(timeoutMs),
};

const bare = (address = "") => address.replace(/^::ffff:/, "");

/** Each answer is one line: who serves, and whom it sees. */
function serveTcp(port: number, name: string): Promise<Answer> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => socket.end(`${JSON.stringify({ name, peer: bare(socket.remoteAddress) })}\n`));
  });
  return new Promise((resolve) => server.listen(port, "::", () => resolve({})));
}

function serveUdp(port: number, name: string): Promise<Answer> {
  const socket = createSocket({ type: "udp6" });
  socket.on("message", (_bytes, peer) => {
    socket.send(JSON.stringify({ name, peer: bare(peer.address) }), peer.port, peer.address);
  });
  return new Promise((resolve) => socket.bind(port, "::", () => resolve({})));
}

type Ask = Extract<Order, { do: "ask" }>;
const failure = (error: NodeJS.ErrnoException): Answer => ({
  failure: error.code === "ECONNREFUSED" ? "refused" : (error.code ?? "error"),
});

function askTcp({ host, port, local, timeoutMs }: Ask): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, ...(local ? { localAddress: local } : {}) });
    const timer = setTimeout(() => finish({ failure: "silence" }), timeoutMs);
    const finish = (answer: Answer) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    let text = "";
    socket.on("connect", () => socket.write("?\n"));
    socket.on("data", (bytes) => {
      text += bytes;
    });
    socket.on("end", () => finish(JSON.parse(text)));
    socket.on("error", (error) => finish(failure(error)));
  });
}

function askUdp({ host, port, local, timeoutMs }: Ask): Promise<Answer> {
  const socket = createSocket({ type: host.includes(":") ? "udp6" : "udp4" });
  return new Promise((resolve) => {
    const timer = setTimeout(() => finish({ failure: "silence" }), timeoutMs);
    // As every UDP client does: an ICMP error may be held back by the kernel's rate limit.
    const again = setInterval(() => socket.send("?", () => {}), 250);
    const finish = (answer: Answer) => {
      clearTimeout(timer);
      clearInterval(again);
      socket.close();
      resolve(answer);
    };
    socket.on("error", (error) => finish(failure(error)));
    socket.on("message", (bytes) => finish(JSON.parse(bytes.toString())));
    const start = () => socket.connect(port, host, () => socket.send("?"));
    if (local) socket.bind({ address: local }, start);
    else start();
  });
}

let held: ReturnType<typeof createSocket> | undefined;

/** Opens one UDP flow that later `held` orders use again. */
function hold(host: string, port: number, local: string | undefined): Promise<Answer> {
  held?.close();
  const socket = createSocket({ type: host.includes(":") ? "udp6" : "udp4" });
  held = socket;
  socket.on("error", () => {});
  return new Promise((resolve) => {
    const start = () => socket.connect(port, host, () => resolve({}));
    if (local) socket.bind({ address: local }, start);
    else start();
  });
}

function askHeld(timeoutMs: number): Promise<Answer> {
  const socket = held;
  if (!socket) return Promise.resolve({ failure: "nothing is held" });
  return new Promise((resolve) => {
    const finish = (answer: Answer) => {
      clearTimeout(timer);
      socket.removeListener("message", onMessage);
      resolve(answer);
    };
    const onMessage = (bytes: Buffer) => finish(JSON.parse(bytes.toString()));
    const timer = setTimeout(() => finish({ failure: "silence" }), timeoutMs);
    socket.on("message", onMessage);
    socket.send("?", () => {});
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as Order & { id: number };
  const handle = handlers[order.do] as (order: Order) => Promise<Answer> | Answer;
  // Orders run side by side; each answer carries its order's number.
  void (async () => {
    let answer: Answer;
    try {
      answer = await handle(order);
    } catch (error) {
      answer = { failure: String(error) };
    }
    process.stdout.write(`${JSON.stringify({ ...answer, id: order.id })}\n`);
  })();
}
process.exit(0);
