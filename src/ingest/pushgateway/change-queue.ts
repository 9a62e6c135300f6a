/**
 * ChangeQueue: makes changes to groups in the order of the requests, and durable before anything else is done about them.
 *
 *   batch   what waits is decided one after the other, each on what those before have left; one record of the journal;
 *           then each is concluded, in the same order
 *
 * Invariant: when the journal does not take a batch, the groups are as they were before it.
 */

import type { Journal } from "../../model/journal.js";
import type { GroupChange } from "./group.js";
import { encodeChanges, encodeGroups } from "./group-record.js";
import type { AppliedChange, GroupTable } from "./group-table.js";

/** A request on its way. */
export interface Waiting {
  /** Called when it is its turn. What it throws is what the request is rejected with. */
  readonly decide: () => Decision;
  readonly reject: (error: unknown) => void;
}

export interface Decision {
  readonly changes: readonly GroupChange[];
  /** Called when the changes are durable, with what they came to. */
  readonly conclude: (applied: readonly AppliedChange[]) => void;
}

const requestsPerBatch = 100;
/** The journal is rewritten when it has this many bytes, and four times what it had after the last rewrite. */
const rewriteFromBytes = 8 * 1024 * 1024;

export class ChangeQueue {
  readonly #journal: Journal;
  readonly #table: GroupTable;
  readonly #queue: Waiting[] = [];
  #running: Promise<void> | undefined;
  #rewriteAtBytes: number;

  constructor(journal: Journal, table: GroupTable) {
    this.#journal = journal;
    this.#table = table;
    this.#rewriteAtBytes = Math.max(rewriteFromBytes, 4 * journal.sizeBytes);
  }

  enqueue(waiting: Waiting): void {
    this.#queue.push(waiting);
    this.#running ??= this.#run();
  }

  /** Resolves when nothing waits. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    await null;
    while (this.#queue.length > 0) await this.#runBatch(this.#queue.splice(0, requestsPerBatch));
    // In the same turn as the last look at the queue.
    this.#running = undefined;
  }

  async #runBatch(batch: readonly Waiting[]): Promise<void> {
    const decided = batch.flatMap((waiting) => this.#decide(waiting));
    const changes = decided.flatMap((one) => one.changes);
    try {
      if (changes.length > 0) await this.#journal.append(encodeChanges(changes));
    } catch (error) {
      for (const { applied } of decided.toReversed()) for (const one of applied.toReversed()) one.undo();
      for (const { reject } of decided) reject(error);
      return;
    }
    for (const { conclude, applied, reject } of decided) {
      try {
        conclude(applied);
      } catch (error) {
        reject(error);
      }
    }
    await this.#rewriteWhenLarge();
  }

  #decide({ decide, reject }: Waiting) {
    try {
      const decision = decide();
      return [{ ...decision, reject, applied: decision.changes.map((change) => this.#table.apply(change)) }];
    } catch (error) {
      reject(error);
      return [];
    }
  }

  /** Without room on the disk the journal stays as it is, and is rewritten when it has grown again. */
  async #rewriteWhenLarge(): Promise<void> {
    if (this.#journal.sizeBytes < this.#rewriteAtBytes) return;
    await this.#journal.rewrite(encodeGroups(this.#table.groups())).catch(() => undefined);
    this.#rewriteAtBytes = Math.max(rewriteFromBytes, 4 * this.#journal.sizeBytes);
  }
}
