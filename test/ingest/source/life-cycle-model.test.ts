/**
 * Random pushes, full pushes, ends, kills and waits, against a small model of what instant queries must show.
 */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PushConfig } from "../../../src/ingest/source/push-config.js";
import { minute, type PushedSample, SourceWorld, second } from "./source-world.js";

const lookbackMs = 5 * minute;
const holdMs = 20 * minute + 5 * second;
const leaseMs = { leased: 126 * second, held: 126 * second };

const configs: readonly PushConfig[] = [
  { jobName: "leased", intervalMs: minute, tokens: [{ token: "leased" }] },
  {
    jobName: "held",
    intervalMs: minute,
    staleness: { kind: "hold", durationMs: holdMs },
    tokens: [{ token: "held" }],
  },
];

type Job = "leased" | "held";
type Step =
  | {
      readonly kind: "push";
      readonly job: Job;
      readonly instance: string;
      readonly names: readonly string[];
      readonly isFull: boolean;
    }
  | { readonly kind: "end"; readonly job: Job; readonly instance: string }
  | { readonly kind: "wait"; readonly durationMs: number }
  | { readonly kind: "kill" };

/** What the model knows of a source. */
interface ModelSource {
  lastPush: number;
  leaseStart: number;
  isUp: boolean;
  /** Value and when it was last pushed. After a kill a full push does not end what the last push did not have. */
  readonly series: Map<string, { value: number; time: number; isKept: boolean }>;
}

class Model {
  readonly #sources = new Map<string, ModelSource>();

  push(
    job: Job,
    instance: string,
    samples: readonly (readonly [string, number])[],
    now: number,
    isFull: boolean,
  ) {
    const key = `${job} ${instance}`;
    const source = this.#sources.get(key) ?? { lastPush: 0, leaseStart: 0, isUp: true, series: new Map() };
    this.#sources.set(key, source);
    if (isFull) for (const [name, { isKept }] of source.series) if (!isKept) source.series.delete(name);
    for (const [name, value] of samples) source.series.set(name, { value, time: now, isKept: false });
    source.lastPush = source.leaseStart = now;
    source.isUp = true;
  }

  end(job: Job, instance: string) {
    this.#sources.delete(`${job} ${instance}`);
  }

  /** A lease that was not missed begins anew. */
  restart(now: number) {
    for (const [key, source] of this.#sources) {
      if (source.isUp) source.leaseStart = now;
      if (key.startsWith("leased"))
        for (const one of source.series.values()) one.isKept ||= one.time !== source.lastPush;
    }
  }

  wait(now: number) {
    for (const [key, source] of this.#sources) {
      const job = key.split(" ")[0] as Job;
      if (now >= source.leaseStart + leaseMs[job]) source.isUp = false;
      if (job === "leased" && !source.isUp) source.series.clear();
      if (job === "held" && now >= source.lastPush + holdMs) source.series.clear();
    }
  }

  /** A lease or a hold ends in this second, or has just ended: the database looks at it once a second. */
  isOnEdge(now: number): boolean {
    return [...this.#sources.values()].some(({ leaseStart, lastPush }) =>
      [leaseStart + leaseMs.leased, lastPush + holdMs].some((end) => Math.abs(now - end) <= 1500),
    );
  }

  lines(now: number): readonly string[] {
    const lines: string[] = [];
    for (const [key, { isUp, series }] of this.#sources) {
      const [job, instance] = key.split(" ");
      const labels = `instance="${instance}", job="${job}"`;
      lines.push(`up{${labels}} ${isUp ? 1 : 0}`);
      for (const [name, { value, time }] of series) {
        if (job === "held" || time > now - lookbackMs) lines.push(`${name}{${labels}} ${value}`);
      }
    }
    return lines.sort();
  }
}

const jobs = fc.constantFrom<Job>("leased", "held");
const instances = fc.constantFrom("i1", "i2");
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("push" as const),
      job: jobs,
      instance: instances,
      names: fc.subarray(["m1", "m2", "m3"], { minLength: 1 }),
      isFull: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("end" as const), job: jobs, instance: instances }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      durationMs: fc
        .oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 12, max: 150 }))
        .map((n) => n * 10 * second),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("kill" as const) }) },
);

describe("what instant queries show", () => {
  it("is what the model says, whatever happens in what order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 25 }), async (sequence) => {
        let world = await SourceWorld.open(configs);
        const model = new Model();
        try {
          for (const [i, step] of sequence.entries()) {
            // Further apart than reports may be: the last push is what a restart goes by.
            await world.advance(1100);
            while (model.isOnEdge(world.clock.now())) await world.advance(second);
            model.wait(world.clock.now());
            if (step.kind === "kill") {
              const killed = world;
              world = await killed.killAndReopen(configs);
              await killed.close();
            }
            await act(world, model, step, i);
            while (model.isOnEdge(world.clock.now())) await world.advance(second);
            model.wait(world.clock.now());
            const found = await world.query('{__name__=~"up|m.", job=~"leased|held"}');
            expect(found).toEqual(model.lines(world.clock.now() + 5));
          }
        } finally {
          await world.close();
        }
      }),
      { numRuns: 40 },
    );
  });
});

async function act(world: SourceWorld, model: Model, step: Step, i: number): Promise<void> {
  switch (step.kind) {
    case "push": {
      const { job, instance, names, isFull } = step;
      const samples = names.map((name): PushedSample => [{ __name__: name, instance }, i]);
      await world.push({ token: job, isFullState: isFull }, samples);
      const values = names.map((name) => [name, i] as const);
      return model.push(job, instance, values, world.clock.now(), isFull);
    }
    case "end":
      await world.end({ token: step.job, grouping: { instance: step.instance } });
      return model.end(step.job, step.instance);
    case "wait":
      await world.advance(step.durationMs);
      return model.wait(world.clock.now());
    case "kill":
      return model.restart(world.clock.now());
  }
}
