/**
 * Simulation: a database under random work on a file system that crashes, is killed, runs full and fails, and what
 * must hold after each of these.
 *
 *  1. In a running process: exactly what was acknowledged is visible, whatever failed meanwhile.
 *  2. After opening again: every acknowledged sample is there with its exact value; of a transaction that was not
 *     acknowledged all samples are there or none; nothing else is there.
 *  3. Opening reports no loss, unless a sync has failed, and leaves no temporary file.
 *
 * Everything random comes from one seed, and nothing else is random: the file system in memory settles in
 * microtasks, so that a seed gives the same run again.
 */

import { expect } from "vitest";
import type { Appender } from "../../src/model/appendable.js";
import { TsdbError } from "../../src/model/errors.js";
import type { FileSystem } from "../../src/storage/fs/file-system.js";
import { openTsdb, type Tsdb } from "../../src/storage/tsdb.js";
import { FakeClock } from "../support/fake-clock.js";
import { type FaultKind, MemFileSystem } from "../support/mem-file-system.js";
import {
  commitTo,
  enter,
  keyOf,
  type Ledger,
  observe,
  type SimulatedSample,
  stage,
  textOf,
} from "./ledger.js";
import { SeededRandom } from "./random.js";

export interface SimulationOptions {
  readonly seed: number;
  readonly steps: number;
  /** Puts something between the database and the disk: a canary that the simulation must catch. */
  readonly tamper?: (fileSystem: FileSystem) => FileSystem;
}

interface Transaction {
  readonly samples: readonly SimulatedSample[];
  /** Blocks of an import appear one by one. */
  readonly isAtomic: boolean;
}

/** The state of the disk and of the ledger at the moment of a crash. */
interface Crash {
  readonly fileSystem: MemFileSystem;
  readonly isPowerLoss: boolean;
  readonly acknowledged: Ledger;
  readonly pending: readonly Transaction[];
}

const window = 10_000;
const oddValues = [Number.NaN, -0, Infinity, "stale"] as const;

export class Simulation {
  readonly #options: SimulationOptions;
  readonly #random: SeededRandom;
  readonly #clock = new FakeClock(1_000_000);
  #fileSystem = new MemFileSystem();
  /** What must be visible, exactly, in this process. */
  #visible: Ledger = new Map();
  /** What must be there after any crash: acknowledged, or found after a power loss. */
  #required: Ledger = new Map();
  /** Begun and neither acknowledged nor accounted for by a reopening. */
  readonly #pending = new Set<Transaction>();
  /** Every value that was ever given for a time. */
  readonly #submitted = new Map<string, Set<string>>();
  /** A sync has failed since the last power loss: what is seen may be in the cache only. */
  #isDoubtful = false;
  /** A sync has failed: a log that was written on behind it may have a hole, which is told as a loss. */
  #mayHaveHoles = false;
  readonly #faults: readonly FaultKind[];
  /** With "interval" and "none" a power loss may take what was acknowledged; a kill may not. */
  readonly #durability: "commit" | "interval" | "none";
  /** Open transactions of this process. */
  #staged: { readonly appender: Appender; readonly transaction: Transaction }[] = [];
  #processes = 0;
  #imported = 0;
  #crash: Crash | undefined;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    this.#durability = this.#random.pick(["commit", "commit", "commit", "interval", "none"]);
    this.#faults = this.#random.pick<FaultKind[]>([[], ["ENOSPC"], ["ENOSPC", "EIO", "sync"]]);
  }

  /** Rejects at the first violation. */
  async run(): Promise<void> {
    let tsdb = await this.#open();
    for (let step = 0; step < this.#options.steps; step++) {
      if (this.#random.chance(0.15)) this.#armCrash(1 + this.#random.below(60));
      if (this.#faults.length > 0 && this.#random.chance(0.1)) this.#armFault();
      await this.#step(tsdb);
      if (this.#random.chance(0.3)) this.#fileSystem.heal();
      if (this.#crash !== undefined || tsdb.status !== "open" || this.#random.chance(0.03))
        tsdb = await this.#reopen(tsdb);
      else await this.#checkRunning(tsdb);
    }
    await this.#close(tsdb);
  }

  async #step(tsdb: Tsdb): Promise<void> {
    const choice = this.#random.below(100);
    if (choice < 40) await this.#commit(tsdb);
    else if (choice < 50) await Promise.all([this.#commit(tsdb), this.#commit(tsdb), this.#commit(tsdb)]);
    else if (choice < 58) this.#stage(tsdb);
    else if (choice < 68) await this.#commitStaged();
    else if (choice < 72) await this.#import(tsdb);
    else if (choice < 90) await tolerate(tsdb.runMaintenance());
    else await Promise.all([tolerate(tsdb.runMaintenance()), this.#commit(tsdb), this.#import(tsdb)]);
  }

  async #commit(tsdb: Tsdb): Promise<void> {
    const samples = this.#samples();
    await this.#submit({ samples, isAtomic: true }, () => commitTo(tsdb.appender(), samples));
  }

  /** Leaves a transaction open over cuts: `commitStaged` may come many steps later, or never. */
  #stage(tsdb: Tsdb): void {
    const transaction = { samples: this.#samples(), isAtomic: true };
    const appender = tsdb.appender();
    stage(appender, transaction.samples);
    this.#staged.push({ appender, transaction });
  }

  async #commitStaged(): Promise<void> {
    const staged = this.#staged.shift();
    if (staged !== undefined) await this.#submit(staged.transaction, () => staged.appender.commit());
  }

  /** To times of their own: which of two values counts between the head and a block is not promised. */
  async #import(tsdb: Tsdb): Promise<void> {
    const samples = Array.from({ length: 1 + this.#random.below(10) }, () => ({
      series: this.#seriesName(),
      time: this.#random.below(60) * window + 1 + 2 * this.#imported++,
      value: this.#random.next(),
    })).filter((sample) => !this.#submitted.has(keyOf(sample)));
    if (tsdb.status !== "open") return;
    await this.#submit({ samples, isAtomic: false }, () => commitTo(tsdb.bulkAppender(), samples));
  }

  async #submit(transaction: Transaction, commit: () => Promise<unknown>): Promise<void> {
    for (const sample of transaction.samples) {
      const values = this.#submitted.get(keyOf(sample)) ?? new Set();
      this.#submitted.set(keyOf(sample), values.add(textOf(sample)));
    }
    this.#pending.add(transaction);
    if ((await tolerate(commit())) === undefined) return;
    enter(this.#visible, transaction.samples);
    enter(this.#required, transaction.samples);
    this.#pending.delete(transaction);
  }

  #samples(): SimulatedSample[] {
    this.#clock.advance(this.#random.below(window / 2));
    return Array.from({ length: 1 + this.#random.below(12) }, () => {
      const age = this.#random.pick([0, 0, 0, 10, window, 50 * window]);
      return {
        series: this.#seriesName(),
        time: 2 * Math.floor((this.#clock.now() - this.#random.below(age + 20)) / 2),
        value: this.#random.chance(0.1) ? this.#random.pick(oddValues) : this.#random.below(1000),
      };
    });
  }

  /** Half of the samples are of series that end after some windows, and of which some come back. */
  #seriesName(): string {
    const season = Math.floor(this.#clock.now() / (3 * window)) % 7;
    return this.#random.pick(["a", "b", `season-${season}-${this.#random.below(8)}`]);
  }

  /** At the given operation from now on, remembers what a crash would leave. The step then runs on, unheeded. */
  #armCrash(operations: number): void {
    const isPowerLoss = this.#durability === "commit" && this.#random.chance(0.6);
    const at = this.#fileSystem.operations + operations;
    const fileSystem = this.#fileSystem;
    fileSystem.onOperation = ({ index }) => {
      if (index !== at) return;
      this.#crash = {
        fileSystem: isPowerLoss ? fileSystem.crash(this.#random.next) : fileSystem.kill(),
        isPowerLoss,
        acknowledged: new Map(this.#required),
        pending: [...this.#pending],
      };
    };
  }

  #armFault(): void {
    const kind = this.#random.pick(this.#faults);
    this.#fileSystem.failAfter(this.#random.below(30), kind);
    if (kind === "ENOSPC") return;
    this.#isDoubtful = true;
    this.#mayHaveHoles = true;
  }

  /** Ends the process, in peace or by the crash that has come, and begins the next one. */
  async #reopen(tsdb: Tsdb): Promise<Tsdb> {
    const mayLosePower = this.#durability === "commit" && this.#random.chance(0.3);
    const crash = this.#crash ?? (mayLosePower ? this.#crashNow() : undefined);
    await this.#close(tsdb);
    if (crash !== undefined) this.#become(crash);
    return this.#open();
  }

  #crashNow(): Crash {
    const fileSystem = this.#fileSystem.crash(this.#random.next);
    return {
      fileSystem,
      isPowerLoss: true,
      acknowledged: new Map(this.#required),
      pending: [...this.#pending],
    };
  }

  async #close(tsdb: Tsdb): Promise<void> {
    await tolerate(tsdb.close());
    this.#staged = [];
    this.#fileSystem.onOperation = undefined;
    this.#fileSystem.heal();
  }

  #become({ fileSystem, isPowerLoss, acknowledged, pending }: Crash): void {
    this.#fileSystem = fileSystem;
    this.#required = acknowledged;
    for (const transaction of pending) this.#pending.add(transaction);
    if (isPowerLoss) this.#isDoubtful = false;
    this.#crash = undefined;
  }

  /** Opens, with a crash while it opens now and then, and checks what is found. */
  async #open(): Promise<Tsdb> {
    if (this.#random.chance(0.3)) this.#armCrash(1 + this.#random.below(25));
    const pid = ++this.#processes;
    this.#clock.advance(1000);
    const tsdb = await openTsdb({
      directory: "data",
      fileSystem: this.#options.tamper?.(this.#fileSystem) ?? this.#fileSystem,
      clock: this.#clock,
      blockDurationMs: window,
      durability: this.#durability,
      randomBytes: this.#random.bytes,
      processes: {
        ownPid: pid,
        hostName: "sim",
        startTimeOf: (other) => (other === pid ? "now" : undefined),
      },
    });
    this.#fileSystem.onOperation = undefined;
    if (this.#crash === undefined) {
      await this.#checkOpened(tsdb);
      return tsdb;
    }
    const crash = this.#crash;
    await this.#close(tsdb);
    this.#become(crash);
    return this.#open();
  }

  async #checkRunning(tsdb: Tsdb): Promise<void> {
    const found = await tolerate(observe(tsdb));
    if (found !== undefined && this.#crash === undefined) expect(found).toEqual(this.#visible);
  }

  async #checkOpened(tsdb: Tsdb): Promise<void> {
    const found = await observe(tsdb);
    for (const [key, value] of this.#required) expect(`${key} = ${found.get(key)}`).toBe(`${key} = ${value}`);
    for (const [key, value] of found) expect([...(this.#submitted.get(key) ?? [])]).toContain(value);
    for (const transaction of this.#pending) if (transaction.isAtomic) this.#checkWhole(transaction, found);
    if (!this.#mayHaveHoles) expect(tsdb.describe().losses).toEqual([]);
    const pending = [...this.#pending];
    this.#pending.clear();
    if (!this.#isDoubtful) this.#required = new Map(found);
    // What is seen of them may be moved to a block while the rest is in the cache only.
    else for (const { samples } of pending) this.#pending.add({ samples, isAtomic: false });
    this.#visible = found;
    for (const directory of ["data", "data/wal"]) {
      const names = await this.#fileSystem.list(directory);
      expect(names.filter((name) => name.includes("tmp"))).toEqual([]);
    }
  }

  /** Looks at the samples for which nobody else has given a value. */
  #checkWhole({ samples }: Transaction, found: Ledger): void {
    const own = samples.filter(
      (sample) => this.#submitted.get(keyOf(sample))!.size === 1 && !this.#required.has(keyOf(sample)),
    );
    const present = own.filter((sample) => found.has(keyOf(sample)));
    expect([0, own.length]).toContain(present.length);
  }
}

/** Undefined when storage refused, which is its right when it fails. */
async function tolerate<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof TsdbError) return undefined;
    throw error;
  }
}
