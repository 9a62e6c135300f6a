/**
 * RemoteDatabase: a running server, seen as a database: its HTTP API behind the same methods.
 */

import { decodeImportResult } from "../api/import-result-json.js";
import { decodeQueryResult } from "../api/result-json.js";
import type { QueryOptions, QueryResult, RangeQueryOptions } from "../api.js";
import { openFileStream } from "../local-files.js";
import { TsdbError } from "../model/errors.js";
import type { ImportOptions, ImportResult } from "../model/importing.js";
import { formatNamePairs } from "../model/name-pairs.js";
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

export class RemoteDatabase implements Connection {
  /** Without the user and the password that may have stood in it. */
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(text: string) {
    if (!URL.canParse(text) || !/^https?:/.test(text))
      throw new CommandError(`"${text}" is no URL`, {
        hint: "write it as http://127.0.0.1:9090",
        exitCode: 2,
      });
    const { username, password } = new URL(text);
    const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    this.#headers = user === ":" ? {} : { authorization: `Basic ${Buffer.from(user).toString("base64")}` };
    this.#url = text.replace(/^(https?:\/\/)[^/]*@/, "$1").replace(/\/+$/, "");
  }

  /** The data of a GET. */
  async get(path: string): Promise<unknown> {
    return (await this.#ask(path, {})).data;
  }

  async query(expression: string, options: QueryOptions = {}): Promise<QueryResult> {
    const form = { query: expression, time: secondsText(options.time) };
    return toResult(await this.#post("/api/v1/query", formBody(form)));
  }

  async queryRange(expression: string, { start, end, step }: RangeQueryOptions): Promise<QueryResult> {
    const stepText = typeof step === "number" ? String(step / 1000) : step;
    const form = { query: expression, start: secondsText(start), end: secondsText(end), step: stepText };
    return toResult(await this.#post("/api/v1/query_range", formBody(form)));
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

  #post(path: string, body: URLSearchParams | AsyncIterable<Uint8Array>): Promise<Envelope> {
    return this.#ask(path, { method: "POST", body, duplex: "half" } as RequestInit);
  }

  async #ask(path: string, init: RequestInit): Promise<Envelope> {
    let text: string;
    let status: number;
    try {
      const response = await fetch(this.#url + path, { ...init, headers: this.#headers });
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
      const hint =
        status === 401 ? { hint: "give a user, as --url http://alice:PASSWORD@127.0.0.1:9090" } : {};
      throw new CommandError(error, { exitCode: status === 400 ? 2 : 1, ...hint });
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
      const message = cause instanceof Error ? cause.message : String(cause);
      // Fetch keeps a list of such ports, as browsers do.
      const reason = message === "bad port" ? "that port is kept for another protocol" : message;
      const isUnknown = /unable to (?:verify|get)|self-signed/.test(reason);
      return new CommandError(`the connection to ${this.#url} failed: ${reason}`, {
        cause: error,
        ...(isUnknown && {
          hint: "NODE_EXTRA_CA_CERTS=FILE in the environment names an authority of your own",
        }),
      });
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
    header: csv.hasHeader === undefined ? undefined : String(csv.hasHeader),
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
  if (/\.(?:jsonl|ndjson)$/i.test(fileName)) return "jsonl";
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

function toResult({ data, warnings = [], infos = [] }: Envelope): QueryResult {
  return decodeQueryResult(data, { warnings, infos });
}
