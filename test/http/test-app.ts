/**
 * An application on a DatabaseDouble, with the clock at 1,000 seconds, and what it told the operator.
 */

import type { FastifyInstance } from "fastify";
import type { DatabaseEvent } from "../../src/api.js";
import { type AppDependencies, buildApp } from "../../src/http/app.js";
import type { HttpLimits } from "../../src/http/http-limits.js";
import { DatabaseDouble } from "../support/database-double.js";
import { FakeClock } from "../support/fake-clock.js";

export interface TestApp {
  readonly app: FastifyInstance;
  readonly database: DatabaseDouble;
  readonly clock: FakeClock;
  readonly events: DatabaseEvent[];
  get(url: string): Promise<Answer>;
  post(url: string, body?: string | Uint8Array, headers?: Record<string, string>): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

export const NOW = 1_000_000;

export function testApp(
  limits: Partial<HttpLimits> = {},
  more: Pick<
    AppDependencies,
    "enableAdminApi" | "facts" | "features" | "scrapePools" | "access" | "reload" | "ownMetrics"
  > = {},
): TestApp {
  const clock = new FakeClock(NOW);
  const database = new DatabaseDouble(clock);
  const events: DatabaseEvent[] = [];
  const onEvent = (event: DatabaseEvent) => events.push(event);
  const app = buildApp({ database, clock, version: "1.2.3", onEvent, limits, ...more });
  return {
    app,
    database,
    clock,
    events,
    get: async (url) => answerOf(await app.inject({ method: "GET", url })),
    post: async (url, body, headers = {}) =>
      answerOf(
        await app.inject({
          method: "POST",
          url,
          headers,
          ...(body === undefined ? {} : { payload: typeof body === "string" ? body : Buffer.from(body) }),
        }),
      ),
  };
}

/** `status` and the error's text of a failure. */
export function failure(answer: Answer): string {
  const { status, errorType, error } = JSON.parse(answer.text) as Record<string, string>;
  return `${answer.status} ${status} ${errorType}: ${error}`;
}

function answerOf(response: { statusCode: number; headers: Record<string, unknown>; body: string }): Answer {
  return {
    status: response.statusCode,
    type: String(response.headers["content-type"] ?? ""),
    text: response.body,
  };
}
