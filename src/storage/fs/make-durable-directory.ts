/**
 * makeDurableDirectory: creates a directory so that a power loss does not take it away with all it holds.
 */

import { parentPath } from "./data-directory.js";
import type { FileSystem } from "./file-system.js";
import { isNotFound } from "./storage-failure.js";

/**
 * Creates `path` and what is missing above it, each name synced. The name of a directory that exists is synced as
 * well: the process that created it may have been killed before it did so.
 */
export async function makeDurableDirectory(fileSystem: FileSystem, path: string): Promise<void> {
  const parent = parentPath(path);
  if (parent === path) return;
  if (!(await directoryExists(fileSystem, path))) {
    await makeDurableDirectory(fileSystem, parent);
    await fileSystem.makeDirectory(path);
  }
  await fileSystem.syncDirectory(parent);
}

async function directoryExists(fileSystem: FileSystem, path: string): Promise<boolean> {
  try {
    await fileSystem.list(path);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
