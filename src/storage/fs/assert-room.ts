/**
 * assertRoom: that what is about to be written will fit, so that it is not begun in vain.
 */

import { DiskFullError } from "../../model/errors.js";
import type { FileSystem } from "./file-system.js";

/** `what` begins a sentence, as "a snapshot". Throws DiskFullError when there is less room than about `neededBytes`. */
export async function assertRoom(
  fileSystem: FileSystem,
  directory: string,
  { what, neededBytes }: { readonly what: string; readonly neededBytes: number },
): Promise<void> {
  const freeBytes = await fileSystem.freeBytes(directory);
  if (freeBytes >= neededBytes) return;
  throw new DiskFullError(
    `no space left: ${what} needs about ${neededBytes} bytes, and ${freeBytes} are free in ${directory}`,
  );
}
