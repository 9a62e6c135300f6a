/**
 * Journals: small logs beside the write-ahead log, in `journals/NAME/`, with its files, its durability and its
 * answers to torn writes, full disks and damage.
 *
 * A rewrite is a checkpoint: it ends the segment, writes `checkpoint.N` and removes the segments up to N. A crash in
 * between leaves the old records or the new ones.
 */

import { assert } from "../model/assert.js";
import { ClosedError, InvalidArgumentError } from "../model/errors.js";
import type { Journal } from "../model/journal.js";
import { JOURNALS_NAME, joinPath, journalPath } from "./fs/data-directory.js";
import type { FileSystem } from "./fs/file-system.js";
import { makeDurableDirectory } from "./fs/make-durable-directory.js";
import { isNotFound } from "./fs/storage-failure.js";
import { writeCheckpoint } from "./wal/checkpoint.js";
import { replayWal } from "./wal/replay-wal.js";
import { Wal, type WalOptions } from "./wal/wal.js";

export interface JournalsOptions extends Omit<WalOptions, "directory"> {
  /** Of the database. */
  readonly directory: string;
  /** Told of each loss, as a sentence. */
  readonly onLoss: (message: string) => void;
}

export class Journals {
  readonly #options: JournalsOptions;
  readonly #opened = new Map<string, Promise<OpenedJournal>>();
  #isClosed = false;

  constructor(options: JournalsOptions) {
    this.#options = options;
  }

  /** See OpenJournal. */
  async open(name: string, visit: (record: Uint8Array) => void): Promise<Journal> {
    if (!/^[a-z][a-z0-9-]*$/.test(name))
      throw new InvalidArgumentError(
        `the journal's name "${name}" must be lower-case letters, digits and hyphens`,
      );
    if (this.#opened.has(name)) throw new InvalidArgumentError(`the journal ${name} is open already`);
    if (this.#isClosed) throw new ClosedError("the database is closed");
    const opened = openJournal(this.#options, name, visit);
    this.#opened.set(name, opened);
    opened.catch(() => this.#opened.delete(name));
    return opened;
  }

  /** Waits for what was appended, then closes all. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const outcome of await Promise.allSettled(this.#opened.values()))
      if (outcome.status === "fulfilled") await outcome.value.close();
  }
}

/**
 * Copies what the journals of one data directory hold to another one, which has none, durably: a checkpoint each.
 * They may be appended to and rewritten meanwhile; what was appended before the call is there.
 */
export async function copyJournals(fileSystem: FileSystem, source: string, target: string): Promise<void> {
  const inSource = await fileSystem.list(source);
  if (!inSource.includes(`${JOURNALS_NAME}/`)) return;
  for (const listed of await fileSystem.list(joinPath(source, JOURNALS_NAME))) {
    const name = listed.replace(/\/$/, "");
    const records = await recordsOf(fileSystem, journalPath(source, name));
    if (records.length === 0) continue;
    const directory = journalPath(target, name);
    await makeDurableDirectory(fileSystem, directory);
    await writeCheckpoint(fileSystem, directory, 1, records);
  }
}

async function recordsOf(fileSystem: FileSystem, directory: string): Promise<readonly Uint8Array[]> {
  for (;;) {
    const records: Uint8Array[] = [];
    try {
      await replayWal(fileSystem, directory, (record) => records.push(record.slice()));
      return records;
    } catch (error) {
      // A rewrite has removed what was listed before it.
      if (!isNotFound(error)) throw error;
    }
  }
}

async function openJournal(
  options: JournalsOptions,
  name: string,
  visit: (record: Uint8Array) => void,
): Promise<OpenedJournal> {
  const directory = journalPath(options.directory, name);
  const summary = await replayWal(options.fileSystem, directory, visit);
  for (const { file, offset, bytes, message } of summary.corruptions)
    options.onLoss(`${file} at byte ${offset}: ${message}; ${bytes} bytes could not be read`);
  const walOptions = { ...options, directory };
  return new OpenedJournal(walOptions, await Wal.open(walOptions, summary.lastSegment + 1));
}

class OpenedJournal implements Journal {
  readonly #options: WalOptions;
  readonly #wal: Wal;

  constructor(options: WalOptions, wal: Wal) {
    this.#options = options;
    this.#wal = wal;
  }

  get sizeBytes(): number {
    return this.#wal.sizeBytes;
  }

  append(record: Uint8Array): Promise<void> {
    return this.#wal.append(record);
  }

  async rewrite(records: readonly Uint8Array[]): Promise<void> {
    const { fileSystem, directory } = this.#options;
    const upToSegment = await this.#wal.rotate();
    assert(upToSegment > 0 || records.length === 0, "a rewrite keeps what was appended");
    if (upToSegment === 0) return;
    await writeCheckpoint(fileSystem, directory, upToSegment, records);
    await this.#wal.truncate(upToSegment);
  }

  close(): Promise<void> {
    return this.#wal.close();
  }
}
