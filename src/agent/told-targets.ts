/**
 * ToldTargets: which targets each agent told of last, kept in a journal.
 *
 *   { agent, targets }            what the agent told of; the last record of an agent counts
 *   { agent, targets, goneAt }    since then the configuration has no such agent
 *
 * What an agent told of that is configured no more is forgotten a week later: it may have been a slip.
 */

import type { Clock } from "../model/clock.js";
import { CorruptionError, MalformedInputError, TsdbError } from "../model/errors.js";
import type { Journal, OpenJournal } from "../model/journal.js";
import type { TimestampMs } from "../model/sample.js";
import { type AgentTarget, readAgentTargets } from "./agent-target.js";

export interface ToldTargetsOptions {
  readonly clock: Clock;
  readonly openJournal: OpenJournal;
  readonly onEvent: (event: { level: "warning"; message: string }) => void;
}

interface Told {
  readonly targets: readonly AgentTarget[];
  /** Since when there is no such agent in the configuration; undefined while there is. */
  readonly goneAt: TimestampMs | undefined;
}

/** The journal is rewritten when it has this many bytes, and four times what it had after the last rewrite. */
const rewriteFromBytes = 4 * 1024 * 1024;
const keptMs = 7 * 24 * 3_600_000;

export class ToldTargets {
  readonly #options: ToldTargetsOptions;
  readonly #journal: Journal;
  readonly #told: Map<string, Told>;
  #configured: ReadonlySet<string> = new Set();
  #writing: Promise<void> = Promise.resolve();
  #rewriteAtBytes: number;
  #cancelTimer: () => void = () => {};

  private constructor(options: ToldTargetsOptions, journal: Journal, told: Map<string, Told>) {
    this.#options = options;
    this.#journal = journal;
    this.#told = told;
    this.#rewriteAtBytes = Math.max(rewriteFromBytes, 4 * journal.sizeBytes);
  }

  static async open(options: ToldTargetsOptions): Promise<ToldTargets> {
    const told = new Map<string, Told>();
    const journal = await options.openJournal("agents", (record) => {
      const { agent, ...rest } = readRecord(record);
      told.set(agent, rest);
    });
    return new ToldTargets(options, journal, told);
  }

  of(agent: string): readonly AgentTarget[] {
    return this.#told.get(agent)?.targets ?? [];
  }

  keep(agent: string, targets: readonly AgentTarget[]): void {
    this.#set(agent, { targets, goneAt: undefined });
  }

  /** Says which agents there are; what others told of is forgotten in time. */
  review(configured: ReadonlySet<string>): void {
    this.#configured = configured;
    this.#cancelTimer();
    const now = this.#options.clock.now();
    let isForgotten = false;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [agent, told] of this.#told) {
      if (configured.has(agent)) {
        if (told.goneAt !== undefined) this.keep(agent, told.targets);
        continue;
      }
      const goneAt = told.goneAt ?? now;
      if (told.goneAt === undefined) this.#set(agent, { ...told, goneAt });
      const leftMs = goneAt + keptMs - now;
      if (leftMs > 0) nextMs = Math.min(nextMs, leftMs);
      else isForgotten = this.#told.delete(agent);
    }
    if (isForgotten) this.#write(() => this.#rewrite(), "agents that are no more");
    // A clock that was set back makes it longer, not the timer: timers have a longest time, too.
    if (nextMs < Number.POSITIVE_INFINITY)
      this.#cancelTimer = this.#options.clock.schedule(Math.min(nextMs, keptMs), () =>
        this.review(this.#configured),
      );
  }

  /** Resolves when all is written. */
  async close(): Promise<void> {
    this.#cancelTimer();
    await this.#writing;
  }

  #set(agent: string, told: Told): void {
    this.#told.set(agent, told);
    this.#write(async () => {
      await this.#journal.append(encodeRecord(agent, told));
      if (this.#journal.sizeBytes >= this.#rewriteAtBytes) await this.#rewrite();
    }, `agent "${agent}"`);
  }

  async #rewrite(): Promise<void> {
    await this.#journal.rewrite([...this.#told].map(([agent, told]) => encodeRecord(agent, told)));
    this.#rewriteAtBytes = Math.max(rewriteFromBytes, 4 * this.#journal.sizeBytes);
  }

  #write(write: () => Promise<void>, subject: string): void {
    this.#writing = this.#writing.then(async () => {
      try {
        await write();
      } catch (error) {
        if (!(error instanceof TsdbError)) throw error;
        const message = `what is known of ${subject} is not kept: ${error.message}`;
        this.#options.onEvent({ level: "warning", message });
      }
    });
  }
}

function encodeRecord(agent: string, { targets, goneAt }: Told): Uint8Array {
  return Buffer.from(JSON.stringify({ agent, targets, ...(goneAt !== undefined && { goneAt }) }));
}

/** Throws CorruptionError. */
function readRecord(record: Uint8Array): Told & { readonly agent: string } {
  try {
    const { agent, targets, goneAt } = JSON.parse(Buffer.from(record).toString("utf8")) ?? {};
    const since = typeof goneAt === "number" ? goneAt : undefined;
    return { agent: String(agent), targets: readAgentTargets(targets), goneAt: since };
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof MalformedInputError)
      throw new CorruptionError("a record of an agent's targets cannot be understood", {}, { cause });
    throw cause;
  }
}
