/**
 * nodeFileSystem: the real file system, by node:fs. Nothing outside of this folder touches a file.
 */

import { randomUUID } from "node:crypto";
import {
  constants,
  copyFile,
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
} from "node:fs/promises";
import { parentPath, temporaryPath } from "./data-directory.js";
import type { FileSystem } from "./file-system.js";
import { attempt, NodeReadableFile, NodeWritableFile } from "./node-files.js";
import { NodeScratchFile } from "./scratch-file.js";
import { systemErrorCode } from "./storage-failure.js";
import { createWriteThrough } from "./write-through.js";

export const nodeFileSystem: FileSystem = {
  async openForRead(path) {
    const handle = await attempt("open", path, () => open(path, "r"));
    const { size } = await attempt("open", path, () => handle.stat());
    return new NodeReadableFile(path, handle, size);
  },

  async create(path) {
    return new NodeWritableFile(path, await attempt("create", path, () => open(path, "wx")), 0);
  },

  createWriteThrough: (path) => createWriteThrough(path),

  async openForAppend(path) {
    const handle = await attempt("open", path, () => open(path, "r+"));
    const { size } = await attempt("open", path, () => handle.stat());
    return new NodeWritableFile(path, handle, size);
  },

  readFile: (path) => attempt("read", path, () => readFile(path)),

  async list(path) {
    const entries = await attempt("list", path, () => readdir(path, { withFileTypes: true }));
    return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
  },

  async makeDirectory(path) {
    await attempt("create the directory", path, () => makeDirectories(path));
  },

  rename: (from, to) => attempt("rename", from, () => rename(from, to)),

  link: (from, to) => attempt("link", from, () => linkOrCopy(from, to)),

  remove: (path) => attempt("remove", path, () => rm(path, { recursive: true, force: true })),

  syncDirectory: (path) => attempt("sync the directory", path, () => syncDirectory(path)),

  createExclusive: (path, content) => attempt("create", path, () => createExclusive(path, content)),

  freeBytes: (path) => attempt("measure", path, () => freeBytes(path)),

  createScratch: (path) => new NodeScratchFile(path),
};

/**
 * Windows cannot open a directory, some network file systems cannot sync one, and the parent of the data directory
 * may be closed to us (/var/lib/private): there names are as safe as the system makes them.
 */
async function syncDirectory(path: string): Promise<void> {
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
  } catch (error) {
    if (isRefusedOnDirectories(error) || hasCode(error, "EACCES")) return;
    throw error;
  }
  try {
    await handle.sync();
  } catch (error) {
    if (!isRefusedOnDirectories(error)) throw error;
  } finally {
    await handle.close();
  }
}

function isRefusedOnDirectories(error: unknown): boolean {
  return hasCode(error, "EPERM", "EISDIR", "EINVAL", "ENOTSUP");
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes(systemErrorCode(error) ?? "");
}

/**
 * The file appears with its content in one step: written aside, then linked to its name, which fails when the
 * name exists. Where hard links are missing it is opened with "wx" and written after.
 */
async function createExclusive(path: string, content: string): Promise<boolean> {
  const aside = temporaryPath(`${path}.${randomUUID()}`);
  await writeNew(aside, content).catch(async (error: unknown) => {
    await rm(aside, { force: true });
    throw error;
  });
  try {
    await link(aside, path).catch((error: unknown) => {
      if (!hasCode(error, ...noLinkCodes)) throw error;
      return writeNew(path, content);
    });
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    // The holder of the lock has just cleaned up what it took for unfinished work.
    if (hasCode(error, "ENOENT")) return createExclusive(path, content);
    throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

/** What systems answer that have no hard links, or no more of them. */
const noLinkCodes = ["EPERM", "ENOTSUP", "ENOSYS", "EMLINK"];

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!hasCode(error, "EXDEV", ...noLinkCodes)) throw error;
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    const handle = await open(to, "r+");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

/** Some network and user-space file systems count no blocks at all, or cannot be asked. */
async function freeBytes(path: string): Promise<number> {
  try {
    const { bavail, blocks, bsize } = await statfs(path);
    return blocks === 0 ? Infinity : bavail * bsize;
  } catch (error) {
    if (hasCode(error, "ENOSYS", "ENOTSUP")) return Infinity;
    throw error;
  }
}

async function writeNew(path: string, content: string): Promise<void> {
  const handle = await open(path, "wx");
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Parents first, one by one: Node's own recursion does not end where the system refuses names, as in /proc. */
async function makeDirectories(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "EEXIST" && (await stat(path)).isDirectory()) return;
    if (code !== "ENOENT" || parentPath(path) === path) throw error;
    await makeDirectories(parentPath(path));
    await mkdir(path);
  }
}
