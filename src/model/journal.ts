/**
 * Journal: a small durable list of records, for state that is no series: sums that pushes add to, groups of the
 * Pushgateway API.
 */

export interface Journal {
  /** Of all its files. */
  readonly sizeBytes: number;
  /**
   * The record is copied. Resolves when it is as durable as an append of the database, in the order of the calls;
   * rejects as an append does, and then nothing of it is there.
   */
  append(record: Uint8Array): Promise<void>;
  /**
   * Replaces everything that was appended before this call by `records`, all or nothing. What is appended afterwards
   * stands behind them. One at a time.
   */
  rewrite(records: readonly Uint8Array[]): Promise<void>;
}

/**
 * Opens the journal of this name, creating it if absent; a name is opened once. What it holds is visited in order
 * before the promise resolves; a record is borrowed until `visit` returns, and a CorruptionError thrown by it says
 * that the record cannot be understood: it is left out and told.
 */
export type OpenJournal = (name: string, visit: (record: Uint8Array) => void) => Promise<Journal>;
