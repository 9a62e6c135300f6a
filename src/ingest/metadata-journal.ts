/**
 * MetadataJournal: what metrics are, over a restart: for those who do not tell it again, as devices that push numbers, and
 * until the others do.
 *
 * What changed is written every ten seconds and at the close; a process that is killed in between loses what nobody has
 * been promised. Records of the journal `metadata` are JSON: `[["up","gauge","Whether it is.",""], ...]`: name, type, help
 * and unit. The journal is rewritten when it has four times what it had after the last rewrite, so that it is bounded as
 * the table is.
 */

import type { Clock } from "../model/clock.js";
import { CorruptionError } from "../model/errors.js";
import type { Journal, OpenJournal } from "../model/journal.js";
import type { MetricMetadata } from "../model/metric-metadata.js";
import type { MetadataTable } from "./metadata-table.js";

type Fields = readonly [name: string, type: string, help: string, unit: string];

export interface MetadataJournalOptions {
  readonly openJournal: OpenJournal;
  readonly table: MetadataTable;
  readonly clock: Clock;
  /** Then what is there is read, and nothing is written. */
  readonly readOnly: boolean;
}

const writeEveryMs = 10_000;
const metricsPerRecord = 1000;
const rewriteFromBytes = 1024 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class MetadataJournal {
  readonly #table: MetadataTable;
  readonly #clock: Clock;
  readonly #journal: Journal;
  /** Names of metrics that have changed since they were written. */
  #changed = new Set<string>();
  #cancelWrite: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();
  #rewriteAtBytes: number;

  private constructor({ table, clock }: MetadataJournalOptions, journal: Journal) {
    this.#table = table;
    this.#clock = clock;
    this.#journal = journal;
    this.#rewriteAtBytes = Math.max(rewriteFromBytes, 4 * journal.sizeBytes);
  }

  /** Tells the table what was known. */
  static async open(options: MetadataJournalOptions): Promise<MetadataJournal> {
    const { openJournal, table, readOnly } = options;
    const journal = await openJournal("metadata", (record) => {
      for (const [name, type, help, unit] of readRecord(record))
        table.describeMetric(name, { type, help, unit });
    });
    const opened = new MetadataJournal(options, journal);
    if (!readOnly) table.onChange = (name) => opened.#note(name);
    return opened;
  }

  /** Writes what has changed. That it cannot is no reason not to close. */
  async close(): Promise<void> {
    this.#table.onChange = () => {};
    this.#cancelWrite?.();
    await this.#write();
  }

  #note(name: string): void {
    this.#changed.add(name);
    this.#cancelWrite ??= this.#clock.schedule(writeEveryMs, () => {
      this.#cancelWrite = undefined;
      void this.#write();
    });
  }

  /** One after the other. What a full disk does not take is written when the next thing changes. */
  #write(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const names = this.#changed;
      this.#changed = new Set();
      try {
        for (const record of recordsOf(this.#entriesOf(names))) await this.#journal.append(record);
        await this.#rewriteWhenLarge();
      } catch {
        for (const name of names) this.#changed.add(name);
      }
    });
    return this.#writing;
  }

  *#entriesOf(names: Iterable<string>): Generator<readonly [string, MetricMetadata]> {
    for (const name of names) {
      const metadata = this.#table.metadataOf(name);
      if (metadata !== undefined) yield [name, metadata];
    }
  }

  async #rewriteWhenLarge(): Promise<void> {
    if (this.#journal.sizeBytes < this.#rewriteAtBytes) return;
    await this.#journal.rewrite([...recordsOf(this.#table.entries())]);
    this.#rewriteAtBytes = Math.max(rewriteFromBytes, 4 * this.#journal.sizeBytes);
  }
}

function* recordsOf(entries: Iterable<readonly [string, MetricMetadata]>): Generator<Uint8Array> {
  let fields: Fields[] = [];
  for (const [name, { type, help, unit }] of entries) {
    if (fields.push([name, type, help, unit]) < metricsPerRecord) continue;
    yield encoder.encode(JSON.stringify(fields));
    fields = [];
  }
  if (fields.length > 0) yield encoder.encode(JSON.stringify(fields));
}

/** Throws CorruptionError. */
function readRecord(record: Uint8Array): readonly Fields[] {
  try {
    return JSON.parse(decoder.decode(record)) as readonly Fields[];
  } catch (cause) {
    throw new CorruptionError("a record of metadata cannot be read", {}, { cause });
  }
}
