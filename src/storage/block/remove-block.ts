/**
 * removeBlock: removes a block so that a crash leaves all of it or nothing that counts.
 *
 * The rename to a temporary name is the commit point; opening removes what has one.
 */

import { blockPath, temporaryPath } from "../fs/data-directory.js";
import type { FileSystem } from "../fs/file-system.js";
import { isNotFound } from "../fs/storage-failure.js";

/** Nobody may read the block any more. May be called again, whatever has become of the block. */
export async function removeBlock(fileSystem: FileSystem, directory: string, ulid: string): Promise<void> {
  const path = blockPath(directory, ulid);
  try {
    await fileSystem.rename(path, temporaryPath(path));
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  await fileSystem.syncDirectory(directory);
  await fileSystem.remove(temporaryPath(path));
}
