/**
 * FileSystem, File: the few operations that storage uses, with what each means for durability.
 *
 * Implemented by the real one (node-file-system.ts) and by one in memory that can lose unsynced data, tear
 * writes, fill up and fail (test/support/mem-file-system.ts). Every failure is a StorageError whose `cause` is
 * the system's error; a missing file is a StorageError with cause.code "ENOENT". Paths use "/".
 */

export interface FileSystem {
  /** Opens an existing file for positional reads. */
  openForRead(path: string): Promise<ReadableFile>;
  /** Creates a file that must not exist. Its name is durable only after `syncDirectory` of its directory. */
  create(path: string): Promise<WritableFile>;
  /**
   * As `create`, for a file of which each write is durable when it resolves. One that rejects may be taken back, as it
   * touches nothing before it: `truncate`, then `sync`, which rejects, now and ever after, when what failed may have
   * been to bring bytes to the device. After a crash a write that had not resolved may be there in part.
   */
  createWriteThrough(path: string): Promise<WritableFile>;
  /** Opens an existing file for writing behind its end. */
  openForAppend(path: string): Promise<WritableFile>;
  /** The whole file. */
  readFile(path: string): Promise<Uint8Array>;
  /** Names in a directory, sorted; directories end in "/". An absent directory throws ENOENT. */
  list(path: string): Promise<readonly string[]>;
  /** Creates a directory and its parents; one that exists is no error. Durable after syncing the parents. */
  makeDirectory(path: string): Promise<void>;
  /** Renames a file or directory; atomic, durable after `syncDirectory` of both parents. */
  rename(from: string, to: string): Promise<void>;
  /**
   * Gives a file, which must not change any more, a second name that must not exist; where the file system cannot
   * (another device), copies it durably. The new name is durable after `syncDirectory` of its directory.
   */
  link(from: string, to: string): Promise<void>;
  /** Removes a file, or a directory with all it holds. One that is absent is no error. */
  remove(path: string): Promise<void>;
  /** Makes creations, renames and removals in this directory durable. */
  syncDirectory(path: string): Promise<void>;
  /** Creates a file exclusively with this content, for the lock; false when it exists. */
  createExclusive(path: string, content: string): Promise<boolean>;
  /** Bytes that may still be written to the file system that has this directory; Infinity when it does not say. */
  freeBytes(path: string): Promise<number>;
  /** A file for this process alone, which does not outlive it. `path` is a temporary name for as long as it needs one. */
  createScratch(path: string): ScratchFile;
}

/**
 * Memory that is lent from the disk. Calls return when the bytes are in the cache of the system, or out of it, which takes
 * microseconds as a rule: what is in it is read in the middle of a run that must not give way to others.
 */
export interface ScratchFile {
  /** Writes all of `bytes`. After a failure nothing is known of these places of the file. */
  write(bytes: Uint8Array, position: number): void;
  /** Fills `into`, all of which was written. */
  read(into: Uint8Array, position: number): void;
  /** Gives the room back. May be called again. */
  close(): void;
}

export interface ReadableFile {
  /** Size in bytes when opened. */
  readonly size: number;
  /** Fills `into` from `position`; returns the bytes read, fewer only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

/** Writes go behind the end, one at a time: the caller awaits each before the next. */
export interface WritableFile {
  /** Bytes in the file, unsynced ones included. */
  readonly size: number;
  /** Writes all of `bytes`. After a failure the file may hold a part of them. */
  write(bytes: Uint8Array): Promise<void>;
  /** Makes the content durable (fdatasync). After a failure nothing may be assumed of unsynced content. */
  sync(): Promise<void>;
  /** Cuts the file to `size` bytes. */
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}
