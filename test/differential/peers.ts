/**
 * Two databases with the same random series: ours in process, a real Prometheus on copies of our blocks.
 */

import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Database } from "../../src/api.js";
import { openDatabase } from "../../src/database.js";
import { errorReply } from "../../src/http/error-reply.js";
import type { TimestampMs } from "../../src/model/sample.js";
import { NO_SERIES } from "../../src/model/series.js";
import { openTsdb } from "../../src/storage/tsdb.js";
import { type RunningServer, startPrometheus } from "../support/processes.js";
import { type Answer, answerOf, decodeAnswer } from "./answer.js";
import { randomSeries } from "./random-series.js";

/** At `start`; with a step, at every step from `start` to `end`. */
export interface FuzzQuery {
  readonly expression: string;
  readonly start: TimestampMs;
  readonly end: TimestampMs;
  /** 0 for an instant query. */
  readonly stepMs: number;
}

const features = ["promql-experimental-functions", "promql-duration-expr"];

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

  /** One set of series from each of `bases` on. */
  static async start(binary: string, seed: number, bases: readonly TimestampMs[]): Promise<Peers> {
    const directory = mkdtempSync(join(tmpdir(), "narthex-differential-"));
    const [ours, theirs] = [join(directory, "ours"), join(directory, "theirs")];
    await writeSets(ours, seed, bases);
    mkdirSync(theirs);
    for (const name of readdirSync(ours).filter((entry) => /^[0-9A-Z]{26}$/.test(entry))) {
      cpSync(join(ours, name), join(theirs, name), { recursive: true });
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

async function writeSets(directory: string, seed: number, bases: readonly TimestampMs[]): Promise<void> {
  const tsdb = await openTsdb({ directory });
  const appender = tsdb.bulkAppender();
  for (const [i, base] of bases.entries()) {
    for (const { labels, samples } of randomSeries(seed * 1000 + i, base)) {
      for (const { time, value } of samples) {
        if (value === "stale") appender.appendStale(NO_SERIES, labels, time);
        else appender.append(NO_SERIES, labels, time, value);
      }
    }
  }
  await appender.commit();
  await tsdb.close();
}
