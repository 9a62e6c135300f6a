/**
 * Simulation: a database under random work on a file system that crashes, is killed, runs full and fails, and what
 * must hold after each of these.
 *
 *  1. In a running process: exactly what was acknowledged is visible, whatever failed meanwhile.
 *  2. After opening again: every acknowledged sample is there with its exact value; of a transaction that was not
 *     acknowledged all samples are there or none; nothing else is there.
 *  3. What an acknowledged deletion has deleted never comes back; of one that was not acknowledged, a part may be.
 *  4. Samples that are older than the retention may be gone, and only these.
 *  5. A snapshot is a database with exactly what was visible when it was taken.
 *  6. Opening reports no loss, unless a sync has failed, and leaves no temporary file.
 *
 * Everything random comes from one seed, and nothing else is random: the file system in memory settles in
 * microtasks, so that a seed gives the same run again.
 */

import { expect } from "vitest";
import type { Appender } from "../../src/model/appendable.js";
import { TsdbError } from "../../src/model/errors.js";
import { Matcher } from "../../src/model/matcher.js";
import type { TimeRange } from "../../src/model/sample.js";
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
  readonly submitted: Map<string, Set<string>>;
  readonly undecided: Set<string>;
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
  /** Every value that was given for a time since it was last deleted. */
  #submitted = new Map<string, Set<string>>();
  /** Keys of deletions that were not acknowledged: the next value at such a time may lose against the old one. */
  #undecided = new Set<string>();
  /** A sync has failed since the last power loss: what is seen may be in the cache only. */
  #isDoubtful = false;
  /** A sync has failed: a log that was written on behind it may have a hole, which is told as a loss. */
  #mayHaveHoles = false;
  readonly #faults: readonly FaultKind[];
  #acknowledgedCommits = 0;
  #resumptions = 0;
  /** With "interval" and "none" a power loss may take what was acknowledged; a kill may not. */
  readonly #durability: "commit" | "interval" | "none";
  readonly #retentionMs: number;
  /** Open transactions of this process. */
  #staged: { readonly appender: Appender; readonly transaction: Transaction }[] = [];
  #processes = 0;
  #imported = 0;
  #crash: Crash | undefined;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    this.#durability = this.#random.pick(["commit", "commit", "commit", "interval", "none"]);
    this.#retentionMs = this.#random.pick([0, 0, 30 * window]);
    this.#faults = this.#random.pick<FaultKind[]>([
      [],
      ["ENOSPC", "EIO-write"],
      ["ENOSPC", "EIO-write", "EIO", "sync"],
    ]);
  }

  /** How often writes were refused, and went on in the same process when the disk was well again. */
  get resumptions(): number {
    return this.#resumptions;
  }

  /** Rejects at the first violation. */
  async run(): Promise<void> {
    let tsdb = await this.#open();
    for (let step = 0; step < this.#options.steps; step++) {
      if (this.#random.chance(0.15)) this.#armCrash(1 + this.#random.below(60));
      if (this.#faults.length > 0 && this.#random.chance(0.15)) this.#armFault();
      await this.#step(tsdb);
      if (this.#random.chance(0.3)) await this.#heal(tsdb);
      if (this.#crash !== undefined || tsdb.status !== "open" || this.#random.chance(0.03))
        tsdb = await this.#reopen(tsdb);
      else await this.#checkRunning(tsdb);
    }
    await this.#close(tsdb);
  }

  async #step(tsdb: Tsdb): Promise<void> {
    const choice = this.#random.below(100);
    if (choice < 34) await this.#commit(tsdb);
    else if (choice < 42) await Promise.all([this.#commit(tsdb), this.#commit(tsdb), this.#commit(tsdb)]);
    else if (choice < 48) await this.#delete(tsdb);
    else if (choice < 50) await tolerate(tsdb.clean());
    else if (choice < 52) await Promise.all([tolerate(tsdb.runMaintenance()), this.#delete(tsdb)]);
    else if (choice < 58) this.#stage(tsdb);
    else if (choice < 68) await this.#commitStaged();
    else if (choice < 72) await this.#import(tsdb);
    else if (choice < 86) await tolerate(tsdb.runMaintenance());
    else if (choice < 90) await this.#snapshot(tsdb);
    else await Promise.all([tolerate(tsdb.runMaintenance()), this.#commit(tsdb), this.#import(tsdb)]);
  }

  async #commit(tsdb: Tsdb, samples = this.#samples()): Promise<void> {
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

  async #delete(tsdb: Tsdb): Promise<void> {
    const matcher = new Matcher("series", "=~", this.#random.pick(["a", "b", "a|season-.*", ".*"]));
    const minTime = this.#clock.now() - this.#random.below(this.#random.pick([10, window, 60 * window]));
    const range = { minTime, maxTime: minTime + this.#random.below(this.#random.pick([10, 5 * window])) };
    const isMeant = (key: string) => matcher.matches(key.split("@")[0]!) && isWithin(timeOf(key), range);
    const keys = [...this.#submitted.keys()].filter(isMeant);
    for (const { samples } of [...this.#pending].filter((each) =>
      each.samples.some((one) => isMeant(keyOf(one))),
    ))
      this.#forgetAtomicity(samples);
    for (const key of keys) {
      this.#required.delete(key);
      this.#undecided.add(key);
    }
    const isDone = (await tolerate(tsdb.deleteSeries([matcher], range).then(() => true))) ?? false;
    if (!isDone) this.#fileSystem.heal();
    const found: Ledger = isDone || tsdb.status === "closed" ? new Map() : await observe(tsdb);
    for (const key of keys) {
      const value = found.get(key);
      if (value === undefined) this.#visible.delete(key);
      else this.#visible.set(key, value);
      if (!isDone) continue;
      this.#submitted.delete(key);
      this.#undecided.delete(key);
    }
  }

  /** Taken while a pass of maintenance runs; opened on the disk that a kill, or a power loss, would leave. */
  async #snapshot(tsdb: Tsdb): Promise<void> {
    const [snapshot] = await Promise.all([
      tolerate(tsdb.exchange.snapshot()),
      tolerate(tsdb.runMaintenance()),
    ]);
    if (snapshot === undefined || this.#crash !== undefined) return;
    const isPowerLoss = this.#random.chance(0.5);
    const fileSystem = isPowerLoss ? this.#fileSystem.crash(this.#random.next) : this.#fileSystem.kill();
    fileSystem.heal();
    const opened = await openTsdb({
      directory: snapshot.directory,
      fileSystem,
      clock: this.#clock,
      randomBytes: this.#random.bytes,
    });
    expect(opened.describe().losses).toEqual([]);
    expect(this.#retained(await observe(opened))).toEqual(this.#retained(this.#visible));
    await opened.close();
  }

  #forgetAtomicity(samples: Transaction["samples"]): void {
    for (const transaction of this.#pending)
      if (transaction.samples === samples) this.#pending.delete(transaction);
    this.#pending.add({ samples, isAtomic: false });
  }

  async #submit(transaction: Transaction, commit: () => Promise<unknown>): Promise<void> {
    for (const sample of transaction.samples) {
      const values = this.#submitted.get(keyOf(sample)) ?? new Set();
      this.#submitted.set(keyOf(sample), values.add(textOf(sample)));
    }
    this.#pending.add(transaction);
    if ((await tolerate(commit())) === undefined) return;
    this.#acknowledgedCommits++;
    enter(this.#visible, transaction.samples);
    enter(
      this.#required,
      transaction.samples.filter((sample) => !this.#undecided.has(keyOf(sample))),
    );
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
      const left = isPowerLoss ? fileSystem.crash(this.#random.next) : fileSystem.kill();
      this.#crash = this.#crashTo(left, isPowerLoss);
    };
  }

  #crashTo(fileSystem: MemFileSystem, isPowerLoss: boolean): Crash {
    return {
      fileSystem,
      isPowerLoss,
      acknowledged: new Map(this.#required),
      pending: [...this.#pending],
      submitted: new Map([...this.#submitted].map(([key, values]) => [key, new Set(values)])),
      undecided: new Set(this.#undecided),
    };
  }

  #armFault(): void {
    const kind = this.#random.pick(this.#faults);
    this.#fileSystem.failAfter(this.#random.below(30), kind);
    if (kind === "ENOSPC" || kind === "EIO-write") return;
    this.#isDoubtful = true;
    this.#mayHaveHoles = true;
  }

  /** What was refused before is accepted from now on. */
  async #heal(tsdb: Tsdb): Promise<void> {
    this.#fileSystem.heal();
    if (tsdb.status !== "open" || tsdb.describe().writeTrouble === undefined) return;
    const before = this.#acknowledgedCommits;
    // Nothing is written for samples that are all older than the retention.
    await this.#commit(tsdb, [{ series: "a", time: 2 * Math.floor(this.#clock.now() / 2), value: 1 }]);
    expect(this.#acknowledgedCommits).toBe(before + 1);
    expect(tsdb.describe().writeTrouble).toBeUndefined();
    this.#resumptions++;
  }

  /** Ends the process, in peace or by the crash that has come, and begins the next one. */
  async #reopen(tsdb: Tsdb): Promise<Tsdb> {
    const mayLosePower = this.#durability === "commit" && this.#random.chance(0.3);
    const crash =
      this.#crash ??
      (mayLosePower ? this.#crashTo(this.#fileSystem.crash(this.#random.next), true) : undefined);
    await this.#close(tsdb);
    if (crash !== undefined) this.#become(crash);
    return this.#open();
  }

  async #close(tsdb: Tsdb): Promise<void> {
    await tolerate(tsdb.close());
    this.#staged = [];
    this.#fileSystem.onOperation = undefined;
    this.#fileSystem.heal();
  }

  #become({ fileSystem, isPowerLoss, acknowledged, pending, submitted, undecided }: Crash): void {
    this.#fileSystem = fileSystem;
    this.#required = acknowledged;
    this.#submitted = submitted;
    this.#undecided = undecided;
    this.#pending.clear();
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
      retentionMs: this.#retentionMs,
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
    if (found === undefined || this.#crash !== undefined) return;
    expect(this.#retained(found)).toEqual(this.#retained(this.#visible));
  }

  /** What must not have been dropped by now. */
  #retained(ledger: Ledger): Ledger {
    return new Map([...ledger].filter(([key]) => this.#isRetained(timeOf(key))));
  }

  #isRetained(time: number): boolean {
    return this.#retentionMs === 0 || time >= this.#clock.now() - this.#retentionMs;
  }

  async #checkOpened(tsdb: Tsdb): Promise<void> {
    const found = await observe(tsdb);
    for (const [key, value] of this.#retained(this.#required))
      expect(`${key} = ${found.get(key)}`).toBe(`${key} = ${value}`);
    for (const [key, value] of found) expect([...(this.#submitted.get(key) ?? [])]).toContain(value);
    for (const transaction of this.#pending) if (transaction.isAtomic) this.#checkWhole(transaction, found);
    if (!this.#mayHaveHoles) expect(tsdb.describe().losses).toEqual([]);
    const pending = [...this.#pending];
    this.#pending.clear();
    if (!this.#isDoubtful) {
      this.#required = new Map(found);
      this.#undecided.clear();
    }
    // What is seen of them may be moved to a block while the rest is in the cache only.
    if (this.#isDoubtful) for (const { samples } of pending) this.#pending.add({ samples, isAtomic: false });
    this.#visible = found;
    for (const directory of ["data", "data/wal"]) {
      const names = await this.#fileSystem.list(directory);
      expect(names.filter((name) => name.includes("tmp"))).toEqual([]);
    }
  }

  /** Looks at the samples for which nobody else has given a value. */
  #checkWhole({ samples }: Transaction, found: Ledger): void {
    const own = samples.filter(
      (sample) =>
        this.#submitted.get(keyOf(sample))!.size === 1 &&
        !this.#required.has(keyOf(sample)) &&
        this.#isRetained(sample.time),
    );
    const present = own.filter((sample) => found.has(keyOf(sample)));
    expect([0, own.length]).toContain(present.length);
  }
}

const timeOf = (key: string): number => Number(key.split("@")[1]);
const isWithin = (time: number, { minTime, maxTime }: TimeRange) => minTime <= time && time <= maxTime;

/** Undefined when storage refused, which is its right when it fails. */
async function tolerate<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof TsdbError) return undefined;
    throw error;
  }
}
