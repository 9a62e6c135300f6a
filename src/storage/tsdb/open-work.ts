/**
 * OpenWork: what of a database is going on, for when it closes.
 *
 * What goes on by itself, as reads and commits, is waited for. What waits for its user, who may never come back, is
 * ended: an import that is not being committed, an export of which nothing is being read.
 */

import type { CommitResult } from "../../model/appendable.js";
import { BulkAppender, type BulkAppenderOptions } from "../compaction/bulk-appender.js";

export class OpenWork {
  readonly #running = new Set<Promise<unknown>>();
  readonly #endings = new Set<() => Promise<unknown>>();

  /** Begins something that `end` waits for. */
  track<T>(begin: () => Promise<T>): Promise<T> {
    const promise = begin();
    const settled: Promise<unknown> = promise
      .catch(() => undefined)
      .finally(() => this.#running.delete(settled));
    this.#running.add(settled);
    return promise;
  }

  /** `end` will call `ending` and wait for it, unless what this returns was called before. */
  endWith(ending: () => Promise<unknown>): () => void {
    this.#endings.add(ending);
    return () => this.#endings.delete(ending);
  }

  /** Resolves when nothing goes on any more. */
  async end(): Promise<void> {
    const endings = [...this.#endings].map((ending) => this.track(ending));
    await Promise.allSettled([...endings, ...this.#running]);
  }
}

/** A bulk appender that is rolled back when the database closes before its commit. */
export class TrackedBulkAppender extends BulkAppender {
  readonly #work: OpenWork;
  readonly #assertWritable: () => void;
  readonly #forget: () => void;

  /** `assertWritable` is called before a commit, and throws when the database does not take one. */
  constructor(options: BulkAppenderOptions, work: OpenWork, assertWritable: () => void) {
    super(options);
    this.#work = work;
    this.#assertWritable = assertWritable;
    this.#forget = work.endWith(() => this.#discard());
  }

  override async commit(): Promise<CommitResult> {
    this.#assertWritable();
    this.#forget();
    return this.#work.track(() => super.commit());
  }

  override rollback(): void {
    this.#forget();
    this.#work.track(() => this.#discard()).catch(() => undefined);
  }

  #discard(): Promise<void> {
    super.rollback();
    return this.drain();
  }
}
