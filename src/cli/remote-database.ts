/**
 * RemoteDatabase: a running server, seen as a database: its HTTP API behind the same methods.
 */

import type {
  ImportOptions,
  ImportResult,
  MatrixResult,
  QueryOptions,
  QueryResult,
  RangeQueryOptions,
  VectorResult,
} from "../api.js";
import { openFileStream } from "../local-files.js";
import { TsdbError } from "../model/errors.js";
import { parseFloatText } from "../model/float-text.js";
import { Labels } from "../model/labels.js";
import { formatNamePairs } from "../model/name-pairs.js";
import type { TimestampMs } from "../model/sample.js";
import type { Connection } from "./connection.js";
import { CommandError } from "./failure.js";

type Parameters = Readonly<Record<string, string | undefined>>;

/** What the API answers, as far as it is read here. */
interface Envelope {
  readonly status: "success" | "error";
  readonly data?: unknown;
  readonly error?: string;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
}

type EncodedSample = readonly [seconds: number, value: string];

interface EncodedSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: EncodedSample;
  readonly values?: readonly EncodedSample[];
}

export class RemoteDatabase implements Connection {
  readonly #url: string;

  constructor(url: string) {
    if (!URL.canParse(url) || !/^https?:/.test(url))
      throw new CommandError(`"${url}" is no URL`, {
        hint: "write it as http://127.0.0.1:9090",
        exitCode: 2,
      });
    this.#url = url.replace(/\/+$/, "");
  }

  async query(expression: string, options: QueryOptions = {}): Promise<QueryResult> {
    const form = { query: expression, time: secondsText(options.time) };
    return decodeResult(await this.#post("/api/v1/query", formBody(form)));
  }

  async queryRange(expression: string, { start, end, step }: RangeQueryOptions): Promise<QueryResult> {
    const stepText = typeof step === "number" ? String(step / 1000) : step;
    const form = { query: expression, start: secondsText(start), end: secondsText(end), step: stepText };
    return decodeResult(await this.#post("/api/v1/query_range", formBody(form)));
  }

  async import(
    source: string | AsyncIterable<Uint8Array>,
    options: ImportOptions = {},
  ): Promise<ImportResult> {
    const stream = typeof source === "string" ? (await openFileStream(source)).stream : source;
    const fileName = typeof source === "string" ? source : undefined;
    const parameters = formBody(importParameters(options, fileName));
    const envelope = await this.#post(`/api/v1/import/file?${parameters}`, withProgress(stream, options));
    return decodeImportResult(envelope.data);
  }

  async close(): Promise<void> {}

  async #post(path: string, body: URLSearchParams | AsyncIterable<Uint8Array>): Promise<Envelope> {
    const init = { method: "POST", body, duplex: "half" } as const;
    let text: string;
    let status: number;
    try {
      const response = await fetch(this.#url + path, init as RequestInit);
      status = response.status;
      text = await response.text();
    } catch (cause) {
      throw this.#connectionFailure(cause);
    }
    const envelope = parseEnvelope(text);
    if (envelope === undefined)
      throw new CommandError(
        `${this.#url} answered ${status}, and not as a Narthex or Prometheus server does`,
      );
    if (envelope.status === "error") {
      const error = envelope.error ?? `the server answered ${status}`;
      throw new CommandError(error, { exitCode: status === 400 ? 2 : 1 });
    }
    return envelope;
  }

  /** Network failures hide the system's reason in their cause. */
  #connectionFailure(error: unknown): CommandError {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    const refused = cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED";
    // A file that cannot be read further ends the upload too: its own error says more.
    if (error instanceof TsdbError) throw error;
    if (cause instanceof TsdbError) throw cause;
    if (!refused) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      return new CommandError(`the connection to ${this.#url} failed: ${reason}`, { cause: error });
    }
    const hint = "start one with `npm start` or `narthex serve`, or open a directory with --data";
    return new CommandError(`no server answers at ${this.#url}`, { hint, cause: error });
  }
}

function formBody(fields: Parameters): URLSearchParams {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) body.set(name, value);
  return body;
}

function secondsText(time: QueryOptions["time"]): string | undefined {
  if (time === undefined || typeof time === "string") return time;
  return String(Number(time) / 1000);
}

function importParameters(options: ImportOptions, fileName: string | undefined): Parameters {
  const { csv = {} } = options;
  const pairs = (record: Readonly<Record<string, string>> | undefined) =>
    record === undefined ? undefined : formatNamePairs(record);
  return {
    format: options.format ?? (fileName === undefined ? undefined : formatOfName(fileName)),
    metric_prefix: options.metricPrefix,
    labels: pairs(options.labels),
    default_time: secondsText(options.defaultTime),
    delimiter: csv.delimiter,
    time: csv.timeColumn,
    time_format: csv.timeFormat,
    utc_offset: csv.utcOffsetMinutes === undefined ? undefined : String(csv.utcOffsetMinutes),
    label_columns: pairs(csv.labelColumns),
    values: pairs(csv.valueColumns),
  };
}

/** The server sees no name; without a format it looks at the first bytes. */
function formatOfName(fileName: string): ImportOptions["format"] {
  if (/\.[ct]sv$/i.test(fileName)) return "csv";
  if (/\.(?:om|openmetrics)$/i.test(fileName)) return "openmetrics";
  return /\.prom$/i.test(fileName) ? "prometheus" : undefined;
}

async function* withProgress(
  source: AsyncIterable<Uint8Array>,
  { onProgress }: ImportOptions,
): AsyncGenerator<Uint8Array> {
  let sentBytes = 0;
  for await (const piece of source) {
    yield piece;
    sentBytes += piece.length;
    onProgress?.({ bytes: sentBytes, samples: 0 });
  }
}

function parseEnvelope(text: string): Envelope | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    const isEnvelope = typeof parsed === "object" && parsed !== null && "status" in parsed;
    return isEnvelope ? (parsed as Envelope) : undefined;
  } catch {
    return undefined;
  }
}

function decodeResult({ data, warnings = [], infos = [] }: Envelope): QueryResult {
  const { resultType, result } = data as { resultType: QueryResult["type"]; result: unknown };
  switch (resultType) {
    case "vector":
      return { type: "vector", series: (result as EncodedSeries[]).map(decodeVectorSeries), warnings, infos };
    case "matrix":
      return { type: "matrix", series: (result as EncodedSeries[]).map(decodeMatrixSeries), warnings, infos };
    case "scalar": {
      const [seconds, value] = result as EncodedSample;
      return { type: "scalar", time: timeOf(seconds), value: sampleValueOf(value), warnings, infos };
    }
    case "string": {
      const [seconds, value] = result as EncodedSample;
      return { type: "string", time: timeOf(seconds), value, warnings, infos };
    }
  }
}

function decodeVectorSeries({ metric, value = [0, ""] }: EncodedSeries): VectorResult["series"][number] {
  return { labels: Labels.from(metric), time: timeOf(value[0]), value: sampleValueOf(value[1]) };
}

function decodeMatrixSeries({ metric, values = [] }: EncodedSeries): MatrixResult["series"][number] {
  return {
    labels: Labels.from(metric),
    times: Float64Array.from(values, ([seconds]) => timeOf(seconds)),
    values: Float64Array.from(values, ([, value]) => sampleValueOf(value)),
  };
}

function timeOf(seconds: number): TimestampMs {
  return Math.round(seconds * 1000);
}

function sampleValueOf(text: string): number {
  return parseFloatText(text) ?? Number.NaN;
}

/** See `encodeImportResult` of the server: labels and maps travel as JSON. */
function decodeImportResult(data: unknown): ImportResult {
  const encoded = data as Omit<ImportResult, "rejected" | "timeRange"> & {
    rejected: Record<
      string,
      { count: number; first: { labels: Record<string, string>; time: number; value: string } }
    >;
    timeRange: ImportResult["timeRange"] | null;
  };
  const rejected = Object.entries(encoded.rejected).map(([reason, { count, first }]) => {
    const sample = { labels: Labels.from(first.labels), time: first.time, value: sampleValueOf(first.value) };
    return [reason, { count, first: sample }] as const;
  });
  return {
    ...encoded,
    timeRange: encoded.timeRange ?? undefined,
    rejected: new Map(rejected) as ImportResult["rejected"],
  };
}
