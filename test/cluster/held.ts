/** Connections and flows of the host that stay open: to a port of its loopback that leads to the echo image. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";

export interface Held {
  /** Asks on it and resolves to the Pod's name. */
  ask(): Promise<string>;
  close(): void;
}

const answerMs = 10_000;
const againMs = 500;
let count = 0;

/** A Service's port opens a moment after the Service is there. */
export async function untilOpen(port: number): Promise<void> {
  for (let waited = 0; waited < answerMs; waited += 50) {
    const socket = connect({ host: "127.0.0.1", port });
    const isOpen = await once(socket, "data").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Port ${port} of 127.0.0.1 is not open after ${answerMs} ms`);
}

/** The server speaks first. */
export async function holdTcp(port: number): Promise<Held> {
  const socket = connect({ host: "127.0.0.1", port });
  let text = "";
  let ended = "";
  socket.on("data", (data) => {
    text += data;
  });
  socket.on("error", (error) => {
    ended = error.message;
  });
  socket.on("close", () => {
    ended ||= "it was closed";
  });
  const heard = async (what: string): Promise<void> => {
    for (let waited = 0; !text.includes(what); waited += 20) {
      if (ended || waited > answerMs) throw new Error(`The TCP connection to ${port}: ${ended || "no answer"}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await heard("\n");
  const name = text.split("\n")[0] ?? "";
  return {
    async ask() {
      const word = `word-${++count}\n`;
      socket.write(word);
      await heard(word);
      return name;
    },
    close: () => socket.destroy(),
  };
}

export async function holdUdp(port: number): Promise<Held> {
  const socket = createSocket("udp4");
  socket.connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.on("error", () => {});
  return {
    async ask() {
      const word = `word-${++count}`;
      const send = () => socket.send(word);
      const again = setInterval(send, againMs);
      try {
        send();
        for (;;) {
          const [data] = (await once(socket, "message", { signal: AbortSignal.timeout(answerMs) })) as [Buffer];
          const [name = "", rest] = data.toString().split("\n");
          if (rest === word) return name;
        }
      } finally {
        clearInterval(again);
      }
    },
    close: () => socket.close(),
  };
}
