/**
 * Simulation: a database under random work on a file system that crashes, is killed, runs full and fails, and what
 * must hold after each of these.
 *
 *  1. In a running process: exactly what was acknowledged is visible, whatever failed meanwhile.
 *  2. After opening again: every acknowledged sample is there with its exact value; of a transaction that was not
 *     acknowledged all samples are there or none; nothing else is there.
 *  3. What an acknowledged deletion has deleted never comes back; of one that was not acknowledged, a part may be.
 *  4. Samples that are older than the retention of their series may be gone, and only these.
 *  5. A snapshot is a database with exactly what was visible when it was taken; to import it changes nothing.
 *  6. The first value at a time stays, unless it was in the head when an import brought another one. Which of them is
 *     read then is read ever after.
 *  7. Opening reports no loss, unless a sync has failed, and leaves no temporary file.
 *
 * Everything random comes from one seed, and nothing else is random: the file system in memory settles in
 * microtasks, so that a seed gives the same run again.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { expect } from "vitest";
import type { Appender } from "../../src/model/appendable.js";
import { TsdbError } from "../../src/model/errors.js";
import { Labels } from "../../src/model/labels.js";
import { Matcher } from "../../src/model/matcher.js";
import { ALL_TIME, type TimeRange } from "../../src/model/sample.js";
import { CHUNK_DENSE } from "../../src/model/series.js";
import type { SeriesRetention } from "../../src/storage/compaction/retention-policy.js";
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

/** What the runs have come across, so that a test can tell that they do. */
export interface Occurrences {
  /** Writes that were refused, and went on in the same process when the disk was well again. */
  resumptions: number;
  /** Imported values for times that had another one: that one stayed. */
  keptValues: number;
  replacedValues: number;
  /** Of the blocks of processes that ended. */
  denseChunks: number;
}

const window = 10_000;
/** Shorter, and longer, than the retention of the rest. */
const retentionRules: readonly SeriesRetention[] = [
  { matchers: [new Matcher("series", "=", "b")], retentionMs: 12 * window },
  { matchers: [new Matcher("series", "=~", "season-[0-3].*")], retentionMs: 50 * window },
];
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
  /** By series. */
  readonly #retentions = new Map<string, number>();
  /** Of the last commits. */
  #sent: (readonly SimulatedSample[])[] = [];
  #acknowledgedCommits = 0;
  readonly occurrences: Occurrences = { resumptions: 0, keptValues: 0, replacedValues: 0, denseChunks: 0 };
  /** With "interval" and "none" a power loss may take what was acknowledged; a kill may not. */
  readonly #durability: "commit" | "interval" | "none";
  readonly #retentionMs: number;
  readonly #retentionRules: readonly SeriesRetention[];
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
    this.#retentionRules = this.#random.pick([[], [], retentionRules]);
    this.#faults = this.#random.pick<FaultKind[]>([
      [],
      ["ENOSPC", "EIO-write"],
      ["ENOSPC", "EIO-write", "EIO", "sync", "ENOSPC-sync"],
    ]);
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
    else if (choice < 82) await tolerate(tsdb.runMaintenance());
    else if (choice < 86) await this.#snapshot(tsdb);
    else await this.#maintainAndWrite(tsdb);
  }

  /** Some turns apart. */
  async #maintainAndWrite(tsdb: Tsdb): Promise<void> {
    const [turnsOfCut, turnsOfImport] = [this.#random.below(12), this.#random.below(12)];
    const maintain = async () => {
      await turns(turnsOfCut);
      if (tsdb.status === "open") await tolerate(tsdb.runMaintenance());
    };
    const write = async () => {
      await turns(turnsOfImport);
      await this.#import(tsdb);
    };
    await Promise.all([maintain(), this.#commit(tsdb), write()]);
  }

  async #commit(tsdb: Tsdb, samples = this.#samples()): Promise<void> {
    if (this.#random.chance(0.2) && this.#sent.length > 0) return this.#commitAgain(tsdb);
    this.#sent = [...this.#sent, samples].slice(-8);
    await this.#submit({ samples, isAtomic: true }, () => commitTo(tsdb.appender(), samples));
  }

  /** As a client that had no answer. What is acknowledged now must not rest on what was not. */
  async #commitAgain(tsdb: Tsdb): Promise<void> {
    const samples = this.#random.pick(this.#sent);
    const keys = new Set(samples.map(keyOf));
    for (const pending of [...this.#pending])
      if (pending.samples.some((sample) => keys.has(keyOf(sample)))) this.#forgetAtomicity(pending.samples);
    await this.#submit({ samples, isAtomic: false }, () => commitTo(tsdb.appender(), samples));
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

  /** To times of their own, and to some that have another value. */
  async #import(tsdb: Tsdb): Promise<void> {
    const samples: SimulatedSample[] = Array.from({ length: 1 + this.#random.below(10) }, () => ({
      series: this.#seriesName(),
      time: this.#random.below(60) * window + 1 + 2 * this.#imported++,
      value: this.#random.next(),
    })).filter((sample) => !this.#submitted.has(keyOf(sample)));
    const contested = this.#contestedKeys();
    for (const key of contested)
      samples.push({ series: key.split("@")[0]!, time: timeOf(key), value: this.#random.next() });
    if (tsdb.status !== "open") return;
    for (const key of contested) {
      this.#required.delete(key);
      this.#undecided.add(key);
    }
    const before = new Map(this.#visible);
    const isDone = await this.#submit({ samples, isAtomic: false }, () =>
      commitTo(tsdb.bulkAppender(), samples),
    );
    if (isDone) await this.#decide(tsdb, contested, before);
  }

  /** Of samples that blocks have, and of those that will be cut soon. */
  #contestedKeys(): readonly string[] {
    if (this.#random.chance(0.5)) return [];
    const from = this.#clock.now() - this.#random.pick([5 * window, 60 * window]);
    const keys = [...this.#visible.keys()].filter(
      (key) => !this.#undecided.has(key) && timeOf(key) >= from && this.#isRetained(key, 2 * window),
    );
    const picked = Array.from({ length: Math.min(5, keys.length) }, () => this.#random.pick(keys));
    return [...new Set(picked)];
  }

  /** Sees which of two values is read: from now on it must be that one. */
  async #decide(tsdb: Tsdb, contested: readonly string[], before: Ledger): Promise<void> {
    if (contested.length === 0) return;
    this.#fileSystem.heal();
    if (tsdb.status === "closed") return;
    const found = await observe(tsdb);
    for (const key of contested) {
      const value = found.get(key);
      expect(value, `${key} after an import`).toBeDefined();
      expect([...(this.#submitted.get(key) ?? [])]).toContain(value);
      if (value === before.get(key)) this.occurrences.keptValues++;
      else this.occurrences.replacedValues++;
      this.#visible.set(key, value!);
      if (this.#isDoubtful) continue;
      this.#required.set(key, value!);
      this.#undecided.delete(key);
    }
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
    this.#expectVisible(await observe(opened));
    await opened.close();
    if (this.#random.chance(0.3)) await tolerate(tsdb.exchange.importDirectory(snapshot.directory));
  }

  #forgetAtomicity(samples: Transaction["samples"]): void {
    for (const transaction of this.#pending)
      if (transaction.samples === samples) this.#pending.delete(transaction);
    this.#pending.add({ samples, isAtomic: false });
  }

  /** Returns whether it was acknowledged. */
  async #submit(transaction: Transaction, commit: () => Promise<unknown>): Promise<boolean> {
    for (const sample of transaction.samples) {
      const values = this.#submitted.get(keyOf(sample)) ?? new Set();
      this.#submitted.set(keyOf(sample), values.add(textOf(sample)));
    }
    this.#pending.add(transaction);
    if ((await tolerate(commit())) === undefined) return false;
    this.#acknowledgedCommits++;
    enter(this.#visible, transaction.samples);
    enter(
      this.#required,
      transaction.samples.filter((sample) => !this.#undecided.has(keyOf(sample))),
    );
    this.#pending.delete(transaction);
    return true;
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
    // A durable write that fails does not tell that it was no sync.
    if (kind === "ENOSPC" || (kind === "EIO-write" && this.#durability !== "commit")) return;
    this.#isDoubtful = true;
    this.#mayHaveHoles = true;
  }

  /** What was refused before is accepted from now on. */
  async #heal(tsdb: Tsdb): Promise<void> {
    this.#fileSystem.heal();
    if (tsdb.status !== "open" || tsdb.describe().writeTrouble === undefined) return;
    const before = this.#acknowledgedCommits;
    // Nothing is written for samples that are older than the retention, or there already.
    this.#clock.advance(2);
    const sample = { series: "a", time: 2 * Math.floor(this.#clock.now() / 2), value: 1 };
    await this.#submit({ samples: [sample], isAtomic: true }, () => commitTo(tsdb.appender(), [sample]));
    expect(this.#acknowledgedCommits).toBe(before + 1);
    expect(tsdb.describe().writeTrouble).toBeUndefined();
    this.occurrences.resumptions++;
  }

  /** Ends the process, in peace or by the crash that has come, and begins the next one. */
  async #reopen(tsdb: Tsdb): Promise<Tsdb> {
    const mayLosePower = this.#durability === "commit" && this.#random.chance(0.3);
    const crash =
      this.#crash ??
      (mayLosePower ? this.#crashTo(this.#fileSystem.crash(this.#random.next), true) : undefined);
    await this.#countDenseChunks(tsdb);
    await this.#close(tsdb);
    if (crash !== undefined) this.#become(crash);
    return this.#open();
  }

  async #countDenseChunks(tsdb: Tsdb): Promise<void> {
    if (tsdb.status === "closed") return;
    this.#fileSystem.heal();
    const series = await tsdb.querier(ALL_TIME).select([]);
    const isDense = ({ encoding }: { encoding: number }) => encoding === CHUNK_DENSE;
    for (const { chunks } of series) this.occurrences.denseChunks += chunks.filter(isDense).length;
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
      blockEncoding: this.#random.pick(["gorilla", "adaptive"]),
      retentionMs: this.#retentionMs,
      retentionRules: this.#retentionRules,
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
    this.#expectVisible(found);
  }

  /** Slow only where there is something to tell. */
  #expectVisible(found: Ledger): void {
    const [retained, expected] = [this.#retained(found), this.#retained(this.#visible)];
    const isSame =
      retained.size === expected.size && [...expected].every(([key, value]) => retained.get(key) === value);
    if (!isSame) expect(retained).toEqual(expected);
  }

  /** What must not have been dropped by now. */
  #retained(ledger: Ledger): Ledger {
    if (this.#retentionMs === 0 && this.#retentionRules.length === 0) return ledger;
    return new Map([...ledger].filter(([key]) => this.#isRetained(key)));
  }

  /** Whether it is to be kept, also after `marginMs`. */
  #isRetained(key: string, marginMs = 0): boolean {
    const retentionMs = this.#retentionOf(key.slice(0, key.indexOf("@")));
    return retentionMs === 0 || timeOf(key) >= this.#clock.now() + marginMs - retentionMs;
  }

  #retentionOf(series: string): number {
    let retentionMs = this.#retentions.get(series);
    if (retentionMs === undefined) {
      const labels = Labels.from({ series });
      const rule = this.#retentionRules.find(({ matchers }) =>
        matchers.every((matcher) => matcher.matches(labels.get(matcher.name))),
      );
      retentionMs = rule?.retentionMs ?? this.#retentionMs;
      this.#retentions.set(series, retentionMs);
    }
    return retentionMs;
  }

  async #checkOpened(tsdb: Tsdb): Promise<void> {
    const found = await observe(tsdb);
    for (const [key, value] of this.#retained(this.#required))
      if (found.get(key) !== value) expect.fail(`${key} = ${found.get(key)}, not ${value}`);
    for (const [key, value] of found)
      if (!this.#submitted.get(key)?.has(value)) expect.fail(`${key} = ${value}, which nobody has given`);
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
        this.#isRetained(keyOf(sample)),
    );
    const present = own.filter((sample) => found.has(keyOf(sample)));
    expect([0, own.length]).toContain(present.length);
  }
}

const timeOf = (key: string): number => Number(key.slice(key.indexOf("@") + 1));
const isWithin = (time: number, { minTime, maxTime }: TimeRange) => minTime <= time && time <= maxTime;

/** So many turns of the event loop. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextTurn();
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
