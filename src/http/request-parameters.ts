/**
 * RequestParameters: what a request asks for, from its query string and its form body, read and refused as
 * Prometheus does. A value in the body comes before one in the query string.
 *
 * Source: Prometheus `web/api/v1/api.go`: parseTime, parseDuration, parseLimitParam; Go `http.Request.FormValue`.
 */

import type { FastifyRequest } from "fastify";
import { parseDuration } from "../model/duration.js";
import { InvalidArgumentError, ParseError } from "../model/errors.js";
import { parseFloatText } from "../model/float-text.js";
import { parseRfc3339 } from "../model/rfc3339.js";
import { ALL_TIME, isTimestampMs, type TimestampMs } from "../model/sample.js";
import { formatParseError } from "../query/parser/parse-error.js";

export class RequestParameters {
  readonly #parameters: URLSearchParams;

  constructor(request: FastifyRequest) {
    const mark = request.url.indexOf("?");
    const query = mark < 0 ? "" : request.url.slice(mark + 1);
    const form = typeof request.body === "string" ? request.body : "";
    this.#parameters = new URLSearchParams(form === "" ? query : `${form}&${query}`);
  }

  /** The first value; the empty string when there is none. */
  text(name: string): string {
    return this.#parameters.get(name) ?? "";
  }

  /** The first value, unless it is absent or empty. */
  optionalText(name: string): string | undefined {
    const text = this.text(name);
    return text === "" ? undefined : text;
  }

  /** Whether it is `1` or `true`. */
  flag(name: string): boolean {
    return /^(?:1|true)$/.test(this.text(name));
  }

  all(name: string): string[] {
    return this.#parameters.getAll(name);
  }

  time(name: string): TimestampMs {
    const text = this.text(name);
    const time = parseTime(text);
    if (time === undefined)
      throw invalidParameter(name, `cannot parse ${JSON.stringify(text)} to a valid timestamp`);
    return time;
  }

  optionalTime(name: string): TimestampMs | undefined {
    return this.text(name) === "" ? undefined : this.time(name);
  }

  /** Seconds with a fraction, or a duration as `5m`. */
  durationMs(name: string): number {
    const text = this.text(name);
    const seconds = parseFloatText(text);
    const durationMs = seconds === undefined ? parseDuration(text) : Math.round(seconds * 1000);
    if (durationMs === undefined || !isTimestampMs(durationMs))
      throw invalidParameter(name, `cannot parse ${JSON.stringify(text)} to a valid duration`);
    return durationMs;
  }

  optionalDurationMs(name: string): number | undefined {
    return this.text(name) === "" ? undefined : this.durationMs(name);
  }

  /** How many results to answer at the most; Infinity without a limit (absent or 0). */
  limit(): number {
    const text = this.text("limit");
    if (text === "") return Infinity;
    if (!/^[+-]?\d{1,15}$/.test(text))
      throw invalidParameter("limit", `${JSON.stringify(text)} is not an integer`);
    const limit = Number(text);
    if (limit < 0) throw invalidParameter("limit", "limit must be non-negative");
    return limit === 0 ? Infinity : limit;
  }
}

export function invalidParameter(name: string, reason: string, options?: ErrorOptions): InvalidArgumentError {
  return new InvalidArgumentError(`invalid parameter "${name}": ${reason}`, options);
}

/** An error of a parameter's text as one that names the parameter; any other error as it is. */
export function namingParameter(name: string, error: unknown): unknown {
  if (error instanceof ParseError) return invalidParameter(name, formatParseError(error), { cause: error });
  if (error instanceof InvalidArgumentError) return invalidParameter(name, error.message, { cause: error });
  return error;
}

/** The ends of time as Prometheus' own clients spell them. */
const endsOfTime: ReadonlyMap<string, TimestampMs> = new Map([
  ["-292273086-05-16T16:47:06Z", ALL_TIME.minTime],
  ["292277025-08-18T07:12:54.999999999Z", ALL_TIME.maxTime],
]);

/** Seconds since the epoch with a fraction, or RFC 3339. */
function parseTime(text: string): TimestampMs | undefined {
  const seconds = parseFloatText(text);
  if (seconds === undefined) return endsOfTime.get(text) ?? parseRfc3339(text);
  const time = Math.round(seconds * 1000);
  return isTimestampMs(time) ? time : undefined;
}
