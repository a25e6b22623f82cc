/** Lets a data plane be removed after it was closed, and be closed twice: descriptors that are closed may be somebody else's by now. */
import type { DataPlane } from "./port.ts";

/** Takes away what another plane of this kind left. */
export async function removeWith(open: () => DataPlane): Promise<void> {
  const plane = open();
  try {
    await plane.adopt();
    await plane.remove();
  } finally {
    plane.close();
  }
}

/** `open` makes the same plane once more. */
export function removable(plane: DataPlane, open: () => DataPlane): DataPlane {
  let isClosed = false;
  return {
    ...plane,
    remove: () => (isClosed ? removeWith(open) : plane.remove()),
    close() {
      if (!isClosed) plane.close();
      isClosed = true;
    },
  };
}
