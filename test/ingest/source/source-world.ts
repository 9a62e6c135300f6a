/**
 * SourceWorld: a database on a file system in memory, with a clock that the test moves, and senders that push to it.
 */

import type { Database } from "../../../src/api.js";
import { openDatabase } from "../../../src/database.js";
import type { PushRequest, PushResult } from "../../../src/ingest/push/push.js";
import type { PushBudgets, PushConfig } from "../../../src/ingest/source/push-config.js";
import type { Sources } from "../../../src/ingest/source/sources.js";
import { Labels } from "../../../src/model/labels.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

export const second = 1000;
export const minute = 60_000;
export const hour = 3_600_000;

/** Not a whole second, as arrivals are. */
export const start = Date.UTC(2026, 4, 1) + 137;

/** `[labels, value]`, or with a time of its own; "stale" is the sender's staleness marker. */
export type PushedSample = readonly [labels: Record<string, string>, value: number | "stale", time?: number];

export type Sender = Omit<Partial<PushRequest>, "sender" | "grouping"> & {
  readonly token?: string;
  readonly address?: string;
  readonly grouping?: Record<string, string>;
};

export class SourceWorld {
  readonly clock: FakeClock;
  readonly fileSystem: MemFileSystem;
  readonly troubles: string[] = [];
  database!: Database;

  private constructor(clock: FakeClock, fileSystem: MemFileSystem) {
    this.clock = clock;
    this.fileSystem = fileSystem;
  }

  static async open(
    configs: readonly PushConfig[] = [],
    budgets?: Partial<PushBudgets>,
  ): Promise<SourceWorld> {
    const world = new SourceWorld(new FakeClock(start), new MemFileSystem());
    await world.#open();
    if (configs.length > 0) await world.database.sources.configure(configs, budgets);
    return world;
  }

  /** The process is killed at this moment, and another one is started on what the machine has. */
  async killAndReopen(configs: readonly PushConfig[] = []): Promise<SourceWorld> {
    await this.settle();
    const world = new SourceWorld(
      new FakeClock(this.clock.now()),
      this.fileSystem.crash(() => 0.5),
    );
    await world.#open();
    await world.database.sources.configure(configs);
    return world;
  }

  async #open(): Promise<void> {
    const { clock, fileSystem } = this;
    const onEvent = ({ message }: { message: string }) => this.troubles.push(message);
    this.database = await openDatabase({ directory: "data", clock, fileSystem, onEvent });
  }

  get sources(): Sources {
    return this.database.sources as Sources;
  }

  async push(sender: Sender, samples: readonly PushedSample[]): Promise<PushResult> {
    const push = this.sources.admit(requestOf(sender));
    for (const [labels, value, time] of samples) {
      const series = push.series(Labels.from(labels));
      if (value === "stale") push.appendStale(series, time);
      else push.append(series, time, value);
    }
    return push.commit();
  }

  async end(sender: Sender): Promise<void> {
    await this.sources.end(requestOf(sender));
  }

  /** Moves the clock, with breaks in which what was due is written. */
  async advance(durationMs: number): Promise<void> {
    for (let rest = durationMs; rest > 0; rest -= hour) {
      this.clock.advance(Math.min(rest, hour));
      await this.settle();
    }
  }

  async settle(): Promise<void> {
    await this.sources.settled();
  }

  /**
   * An instant query as lines of `labels value`, sorted. A little later than now: what arrives in the millisecond of a
   * decision comes behind it.
   */
  async query(expression: string, time = this.clock.now() + 5): Promise<readonly string[]> {
    const result = await this.database.query(expression, { time });
    if (result.type !== "vector") throw new TypeError("the test asks for a vector");
    return result.series.map(({ labels, value }) => `${labels} ${value}`).sort();
  }

  /** Whether an instant query finds it now. */
  async has(expression: string): Promise<boolean> {
    return (await this.query(expression)).length > 0;
  }

  status(job: string, instance: string) {
    return this.sources.list().find((source) => source.job === job && source.instance === instance);
  }

  async close(): Promise<void> {
    await this.database.close();
  }
}

function requestOf({ token, address = "127.0.0.1", grouping, ...request }: Sender): PushRequest {
  return {
    protocol: "text",
    ...request,
    sender: { address, ...(token !== undefined && { token }) },
    ...(grouping !== undefined && { grouping: Labels.from(grouping) }),
  };
}

/** A job of devices that push every minute under one token. */
export const greenhouse: PushConfig = {
  jobName: "greenhouse",
  intervalMs: minute,
  tokens: [
    { token: "gh-secret", labels: { site: "berlin" }, allow: { instance: "gh-.*", __name__: "gh_.*|up" } },
  ],
};

export const celsius = (instance: string, value: number, time?: number): PushedSample => [
  { __name__: "gh_celsius", instance },
  value,
  ...(time === undefined ? ([] as const) : ([time] as const)),
];
