/**
 * writeFileAtomically: replaces a whole file so that a crash leaves the old content or the new one.
 *
 * Steps: write NAME.tmp, sync it, rename it to NAME (the commit point), sync the directory.
 */

import { parentPath, temporaryPath } from "./data-directory.js";
import type { FileSystem, WritableFile } from "./file-system.js";

export function writeFileAtomically(fileSystem: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  return createFileAtomically(fileSystem, path, (file) => file.write(bytes));
}

/**
 * As writeFileAtomically, for content that `write` produces piece by piece. It must neither sync nor close. Removes
 * what it has written when it rejects.
 */
export async function createFileAtomically(
  fileSystem: FileSystem,
  path: string,
  write: (file: WritableFile) => Promise<void>,
): Promise<void> {
  const temporary = temporaryPath(path);
  await fileSystem.remove(temporary);
  try {
    await createDurably(fileSystem, temporary, write);
    await fileSystem.rename(temporary, path);
  } catch (error) {
    // What stays has a temporary name; the first error is the one to tell.
    await fileSystem.remove(temporary).catch(() => undefined);
    throw error;
  }
  await fileSystem.syncDirectory(parentPath(path));
}

/** Creates a file and syncs what `write` puts into it; its name is durable after syncing its directory. */
export async function createDurably(
  fileSystem: FileSystem,
  path: string,
  write: (file: WritableFile) => Promise<void>,
): Promise<void> {
  const file = await fileSystem.create(path);
  try {
    await write(file);
    await file.sync();
  } finally {
    await file.close();
  }
}
