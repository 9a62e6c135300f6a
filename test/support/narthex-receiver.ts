/**
 * NarthexReceiver: a real database behind a real socket, which can go away and come back at the same port.
 */

import type { FastifyInstance } from "fastify";
import type { Database } from "../../src/api.js";
import { buildApp } from "../../src/http/app.js";
import { openDatabase } from "../../src/index.js";
import type { PushConfig } from "../../src/ingest/source/push-config.js";
import type { Clock } from "../../src/model/clock.js";
import { Labels } from "../../src/model/labels.js";
import { freePort } from "./processes.js";

export class NarthexReceiver {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #configs: readonly PushConfig[];
  #database: Database | undefined;
  #app: FastifyInstance | undefined;
  #port: number | undefined;

  private constructor(directory: string, clock: Clock, configs: readonly PushConfig[]) {
    this.#directory = directory;
    this.#clock = clock;
    this.#configs = configs;
  }

  static async open(
    directory: string,
    clock: Clock,
    configs: readonly PushConfig[] = [],
  ): Promise<NarthexReceiver> {
    const receiver = new NarthexReceiver(directory, clock, configs);
    await receiver.restart();
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/api/v1/write`;
  }

  get database(): Database {
    return this.#database!;
  }

  async restart(): Promise<void> {
    const clock = this.#clock;
    this.#database = await openDatabase({
      directory: this.#directory,
      clock,
      workers: 0,
      durability: "none",
    });
    if (this.#configs.length > 0) await this.#database.sources.configure(this.#configs);
    this.#app = buildApp({ database: this.#database, clock, version: "test", onEvent: () => {} });
    // It comes back to where it was: nobody else must take that meanwhile.
    this.#port ??= await freePort();
    await this.#app.listen({ host: "127.0.0.1", port: this.#port });
  }

  /** Connections end, and new ones are refused. */
  async stop(): Promise<void> {
    this.#app?.server.closeAllConnections();
    await this.#app?.close();
    await this.#database?.close();
    this.#app = undefined;
    this.#database = undefined;
  }

  async close(): Promise<void> {
    await this.stop();
  }

  /** The values of an instant query. */
  async values(expression: string, time: number): Promise<number[]> {
    const result = await this.database.query(expression, { time });
    return result.type === "vector" ? result.series.map(({ value }) => value) : [];
  }

  /** By the labels as text, times and values of all samples of a metric. */
  async samples(
    name: string,
    more: Record<string, string> = {},
  ): Promise<Record<string, [number, number][]>> {
    const pairs = Object.entries({ __name__: name, ...more }).map(([label, value]) => `${label}="${value}"`);
    const lines: [string, [number, number][]][] = [];
    const selection = { match: [`{${pairs.join(",")}}`] };
    let text = "";
    for await (const piece of this.database.export({ format: "jsonl", ...selection }))
      text += Buffer.from(piece).toString();
    for (const line of text.split("\n").filter((one) => one !== "")) {
      const { metric, timestamps, values } = JSON.parse(line) as {
        metric: Record<string, string>;
        timestamps: number[];
        values: number[];
      };
      const labels = Array.from(Labels.from(metric), ([label, value]) => `${label}="${value}"`);
      lines.push([`{${labels.join(", ")}}`, timestamps.map((time, i) => [time, values[i]!])]);
    }
    return Object.fromEntries(lines);
  }
}
