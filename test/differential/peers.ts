/**
 * Two databases with the same random series: ours in process, a real Prometheus on blocks that we wrote. Of every
 * second set ours has no blocks: its samples came in any order and lie in the head.
 */

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Database } from "../../src/api.js";
import { openDatabase } from "../../src/database.js";
import { errorReply } from "../../src/http/error-reply.js";
import type { Appender } from "../../src/model/appendable.js";
import { assert } from "../../src/model/assert.js";
import type { TimestampMs } from "../../src/model/sample.js";
import { NO_SERIES } from "../../src/model/series.js";
import { openTsdb } from "../../src/storage/tsdb.js";
import { type RunningServer, startPrometheus } from "../support/processes.js";
import { type Answer, answerOf, decodeAnswer } from "./answer.js";
import { type RandomSeries, randomSeries } from "./random-series.js";

/** At `start`; with a step, at every step from `start` to `end`. */
export interface FuzzQuery {
  readonly expression: string;
  readonly start: TimestampMs;
  readonly end: TimestampMs;
  /** 0 for an instant query. */
  readonly stepMs: number;
}

/** Of the language, on in both. */
const commonFeatures = ["promql-experimental-functions", "promql-duration-expr"];

export interface PeersOptions {
  readonly seed: number;
  /** Where a set of series begins. */
  readonly bases: readonly TimestampMs[];
  /** Names of Prometheus' feature flags, besides those that expressions need. */
  readonly features?: readonly string[];
}

export class Peers {
  readonly #directory: string;
  readonly #database: Database;
  readonly #prometheus: RunningServer;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 });

  private constructor(directory: string, database: Database, prometheus: RunningServer) {
    this.#directory = directory;
    this.#database = database;
    this.#prometheus = prometheus;
  }

  static async start(binary: string, options: PeersOptions): Promise<Peers> {
    const features = [...commonFeatures, ...(options.features ?? [])];
    const directory = mkdtempSync(join(tmpdir(), "narthex-differential-"));
    const [ours, theirs] = [join(directory, "ours"), join(directory, "theirs")];
    const { sets, headSets } = randomSets(options);
    await writeSets(theirs, [...sets, ...headSets], []);
    await writeSets(ours, sets, headSets);
    for (const name of readdirSync(theirs).filter((entry) => !/^[0-9A-Z]{26}$/.test(entry))) {
      rmSync(join(theirs, name), { recursive: true });
    }
    const configFile = join(directory, "prometheus.yml");
    writeFileSync(configFile, "global: {}\n");
    const flags = [`--enable-feature=${features.join(",")}`, "--log.level=error"];
    const [database, prometheus] = await Promise.all([
      openDatabase({ directory: ours, enableFeatures: features }),
      startPrometheus(binary, { directory: theirs, configFile, flags }),
    ]);
    return new Peers(directory, database, prometheus);
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    await Promise.all([this.#database.close(), this.#prometheus.stop()]);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async ours({ expression, start, end, stepMs }: FuzzQuery): Promise<Answer> {
    try {
      const result =
        stepMs === 0
          ? await this.#database.query(expression, { time: start })
          : await this.#database.queryRange(expression, { start, end, step: stepMs });
      return answerOf(result);
    } catch (error) {
      const { status, errorType, message, isOurFault } = errorReply(error);
      if (isOurFault) return { kind: "error", status, errorType, message: String((error as Error).stack) };
      return { kind: "error", status, errorType, message };
    }
  }

  theirs({ expression, start, end, stepMs }: FuzzQuery): Promise<Answer> {
    const seconds = (ms: number) => String(ms / 1000);
    const parameters =
      stepMs === 0
        ? { query: expression, time: seconds(start) }
        : { query: expression, start: seconds(start), end: seconds(end), step: seconds(stepMs) };
    return this.#post(stepMs === 0 ? "query" : "query_range", new URLSearchParams(parameters).toString());
  }

  #post(path: string, form: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      const options = { method: "POST", agent: this.#agent, headers };
      const call = request(`${this.#prometheus.url}/api/v1/${path}`, options, (response) => {
        const pieces: Buffer[] = [];
        response.on("data", (piece: Buffer) => pieces.push(piece));
        response.on("error", reject);
        response.on("end", () =>
          resolve(decodeAnswer(response.statusCode!, Buffer.concat(pieces).toString())),
        );
      });
      call.on("error", reject);
      call.end(form);
    });
  }
}

type SeriesSet = readonly RandomSeries[];

function randomSets({ seed, bases }: PeersOptions) {
  const sets = bases.map((base, i) => randomSeries(seed * 1000 + i, base));
  return { sets: sets.filter((_, i) => i % 2 === 0), headSets: sets.filter((_, i) => i % 2 === 1) };
}

/** `sets` as blocks, `headSets` through the log into the head, from the newest sample of each series to the oldest. */
async function writeSets(
  directory: string,
  sets: readonly SeriesSet[],
  headSets: readonly SeriesSet[],
): Promise<void> {
  const tsdb = await openTsdb({ directory, durability: "none", blockEncoding: "gorilla" });
  await appendSets(tsdb.bulkAppender(), sets);
  await appendSets(tsdb.appender(), headSets);
  await tsdb.close();
}

async function appendSets(appender: Appender, sets: readonly SeriesSet[]): Promise<void> {
  for (const { labels, samples } of sets.flat()) {
    for (const { time, value } of samples.toReversed()) {
      if (value === "stale") appender.appendStale(NO_SERIES, labels, time);
      else appender.append(NO_SERIES, labels, time, value);
    }
  }
  const { rejected } = await appender.commit();
  assert(rejected.size === 0, "every random sample can be stored");
}
