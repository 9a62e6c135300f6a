/**
 * removeBlock: removes a block so that a crash leaves all of it or nothing that counts.
 *
 * The rename to a temporary name is the commit point; opening removes what has one.
 */

import { blockPath, temporaryPath } from "../fs/data-directory.js";
import type { FileSystem } from "../fs/file-system.js";

/** Nobody may read the block any more. */
export async function removeBlock(fileSystem: FileSystem, directory: string, ulid: string): Promise<void> {
  const path = blockPath(directory, ulid);
  await fileSystem.rename(path, temporaryPath(path));
  await fileSystem.syncDirectory(directory);
  await fileSystem.remove(temporaryPath(path));
}
