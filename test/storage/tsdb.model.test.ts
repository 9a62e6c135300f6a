import { describe, expect, it } from "vitest";
import { Matcher } from "../../src/model/matcher.js";
import { ALL_TIME } from "../../src/model/sample.js";
import { checkDirectory } from "../../src/storage/tsdb/check-directory.js";
import { openTsdb, type Tsdb } from "../../src/storage/tsdb.js";
import {
  commitTo,
  enter,
  keyOf,
  type Ledger,
  observe,
  type SimulatedSample,
  stage,
} from "../simulation/ledger.js";
import { SeededRandom } from "../simulation/random.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const window = 10_000;
const seriesNames = ["a", "b", "c", "d", "e"];
const oddValues = [Number.NaN, -0, Infinity, -Infinity, 5e-324, "stale"] as const;

/** Random commands against the model: everything but crashes, which test/simulation does. */
class ModelRun {
  readonly random: SeededRandom;
  readonly clock = new FakeClock(1_000_000);
  readonly fileSystem = new MemFileSystem();
  readonly ledger: Ledger = new Map();
  /** Imports go to times of their own: which of two values counts between head and blocks is not promised. */
  #imported = 0;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  open(): Promise<Tsdb> {
    this.clock.advance(1000);
    const { fileSystem, clock, random } = this;
    return openTsdb({
      directory: "data",
      fileSystem,
      clock,
      blockDurationMs: window,
      randomBytes: random.bytes,
    });
  }

  async run(steps: number): Promise<void> {
    let tsdb = await this.open();
    for (let step = 0; step < steps; step++) {
      const choice = this.random.below(100);
      if (choice < 52) await this.#commit(tsdb);
      else if (choice < 58) await this.#delete(tsdb);
      else if (choice < 60) await tsdb.clean();
      else if (choice < 66) stage(tsdb.appender(), this.#samples());
      else if (choice < 72) this.#rollback(tsdb);
      else if (choice < 78) await this.#import(tsdb);
      else if (choice < 84) await tsdb.runMaintenance();
      else if (choice < 88) {
        await tsdb.close();
        tsdb = await this.open();
      } else await this.#query(tsdb);
    }
    expect(await observe(tsdb)).toEqual(this.ledger);
    await tsdb.clean();
    expect(await observe(tsdb)).toEqual(this.ledger);
    const names = new Set([...this.ledger.keys()].map((key) => key.split("@")[0]!));
    expect(await tsdb.querier(ALL_TIME).labelValues("series")).toEqual([...names].sort());
    await tsdb.close();
    const { blocks, wal, notes } = await checkDirectory({ directory: "data", fileSystem: this.fileSystem });
    expect([...blocks, wal].flatMap(({ problems }) => problems)).toEqual([]);
    expect(notes.filter((note) => !note.includes("overlaps"))).toEqual([]);
  }

  async #commit(tsdb: Tsdb): Promise<void> {
    const samples = this.#samples();
    const { appended, rejected } = await commitTo(tsdb.appender(), samples);
    expect(appended + (rejected.get("duplicate-time")?.count ?? 0)).toBe(samples.length);
    enter(this.ledger, samples);
  }

  #rollback(tsdb: Tsdb): void {
    const appender = tsdb.appender();
    stage(appender, this.#samples());
    appender.rollback();
  }

  async #delete(tsdb: Tsdb): Promise<void> {
    const matcher = new Matcher("series", "=~", this.random.pick(["a", "b|c", ".*"]));
    const minTime = this.clock.now() - this.random.below(this.random.pick([10, window, 200 * window]));
    const range = { minTime, maxTime: minTime + this.random.below(this.random.pick([10, 2 * window])) };
    await tsdb.deleteSeries([matcher], range);
    for (const key of [...this.ledger.keys()]) {
      const [name, time] = key.split("@");
      if (!matcher.matches(name!) || Number(time) < range.minTime || Number(time) > range.maxTime) continue;
      this.ledger.delete(key);
    }
  }

  async #import(tsdb: Tsdb): Promise<void> {
    const samples = Array.from({ length: 1 + this.random.below(40) }, () => ({
      series: this.random.pick(seriesNames),
      time: this.random.below(100) * window - 50 * window + 1 + 2 * this.#imported++,
      value: this.random.next(),
    }));
    const fresh = new Map(
      samples.filter((each) => !this.ledger.has(keyOf(each))).map((each) => [keyOf(each), each]),
    );
    await commitTo(tsdb.bulkAppender(), [...fresh.values()]);
    enter(this.ledger, [...fresh.values()]);
  }

  async #query(tsdb: Tsdb): Promise<void> {
    const minTime = this.random.below(2 * this.clock.now()) - this.clock.now() / 2;
    const range = { minTime, maxTime: minTime + this.random.below(20 * window) };
    const expected = [...this.ledger].filter(([key]) => {
      const time = Number(key.split("@")[1]);
      return time >= range.minTime && time <= range.maxTime;
    });
    expect(await observe(tsdb, range)).toEqual(new Map(expected));
  }

  /** Mostly new times, of all series at once; some late, some ancient, some twice. Times are even. */
  #samples(): SimulatedSample[] {
    this.clock.advance(this.random.below(window / 4));
    return Array.from({ length: 1 + this.random.below(30) }, () => {
      const age = this.random.pick([0, 0, 0, 10, window, 5 * window, 200 * window]);
      return {
        series: this.random.pick(seriesNames),
        time: 2 * Math.floor((this.clock.now() - this.random.below(age + 20)) / 2),
        value: this.random.chance(0.1) ? this.random.pick(oddValues) : this.random.below(5),
      };
    });
  }
}

describe("Tsdb against its model", () => {
  for (let seed = 1; seed <= 12; seed++) {
    it(`holds what a map holds, under random commands (seed ${seed})`, () => new ModelRun(seed).run(150));
  }
});
