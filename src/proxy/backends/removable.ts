/** Lets a data plane be removed after it was closed, and be closed twice: descriptors that are closed may be somebody else's by now. */
import type { DataPlane } from "./port.ts";

/** `open` makes the same plane once more. */
export function removable(plane: DataPlane, open: () => DataPlane): DataPlane {
  let isClosed = false;
  return {
    ...plane,
    async remove() {
      if (!isClosed) return plane.remove();
      const again = open();
      try {
        await again.adopt();
        await again.remove();
      } finally {
        again.close();
      }
    },
    close() {
      if (!isClosed) plane.close();
      isClosed = true;
    },
  };
}
