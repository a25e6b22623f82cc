/** Datagrams in batches through the kernel's room; loaded while the zone fills. */
import { DatagramBatch, openUdp } from "../kernel/datagrams.ts";
import type { UdpBatches } from "./listen.ts";

/** Then others (TCP, HTTP, the API) have their turn. */
const maxBatches = 4;

/** Binds a socket with buffers of this size. */
export function openUdpBatches(address: string, port: number, bufferBytes: number): UdpBatches {
  const fd = openUdp(address, port, bufferBytes);
  const batch = new DatagramBatch(fd);
  let closed = false;
  return {
    fd,
    close() {
      closed = true; // the number of the descriptor may soon be another's
    },
    drain(handle) {
      for (let round = 0; round < maxBatches; round++) {
        const count = batch.receive();
        for (let i = 0; i < count; i++) {
          let peer: Buffer | undefined;
          const reply = handle(batch.packet(i), (later) => {
            if (peer && !closed) batch.sendLater(peer, later);
          });
          if (reply) batch.reply(i, reply);
          else peer = batch.peer(i);
        }
        batch.flush();
        if (count < batch.capacity) return;
      }
    },
  };
}
