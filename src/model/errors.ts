/**
 * TsdbError and its subclasses: every way in which the world, not our code, can be wrong.
 *
 * Each error has a stable `code`, one sentence that says what is wrong and, where there is one, the remedy,
 * and the facts (file, offset, series, time) as properties. Our own bugs are `assert`ed instead, and expected
 * outcomes (a rejected sample) are values: see `CommitResult`.
 */

export type ErrorCode =
  | "invalid-argument"
  | "parse"
  | "query"
  | "not-implemented"
  | "query-limit"
  | "query-timeout"
  | "query-canceled"
  | "malformed-input"
  | "limit-exceeded"
  | "unsupported-media-type"
  | "corruption"
  | "locked"
  | "closed"
  | "poisoned"
  | "storage"
  | "disk-full"
  | "write-refused"
  | "config"
  | "unavailable"
  | "unauthorized"
  | "forbidden"
  | "too-many-requests";

export abstract class TsdbError extends Error {
  abstract readonly code: ErrorCode;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** An argument or option of the library, the command line or an HTTP parameter is not acceptable. */
export class InvalidArgumentError extends TsdbError {
  readonly code = "invalid-argument";
}

/** The text of a PromQL expression is wrong: in syntax or in types. */
export class ParseError extends TsdbError {
  readonly code = "parse";
  readonly position: ParsePosition;
  constructor(message: string, position: ParsePosition) {
    super(message);
    this.position = position;
  }
}

/** `start` and `end` (exclusive) are UTF-16 offsets into `text`; `line` and `column` count from 1. */
export interface ParsePosition {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
}

/** A query that parses but cannot be evaluated on this data, as in many-to-many matching. */
export class QueryError extends TsdbError {
  readonly code: ErrorCode = "query";
}

/** Part of the language that is parsed but not evaluated yet. */
export class NotImplementedError extends QueryError {
  override readonly code = "not-implemented";
  readonly feature: string;
  constructor(feature: string) {
    super(`not implemented yet: ${feature}`);
    this.feature = feature;
  }
}

/** A query needs more samples, bytes, points or depth than its limit allows. */
export class QueryLimitError extends QueryError {
  override readonly code = "query-limit";
}

/** A query ran past its deadline. */
export class QueryTimeoutError extends QueryError {
  override readonly code = "query-timeout";
}

/** A query was cancelled by its AbortSignal. */
export class QueryCanceledError extends QueryError {
  override readonly code = "query-canceled";
}

/**
 * A body, file or line that came from outside cannot be read. `line` counts from 1; `offset` is in bytes.
 *
 * It has no stack: one body may bring a hundred thousand of these, and to describe where in our code each was found
 * would take a hostile sender's work for us: 6.5 us for one, 1.5 without.
 */
export class MalformedInputError extends TsdbError {
  readonly code = "malformed-input";
  readonly line: number | undefined;
  readonly offset: number | undefined;
  constructor(message: string, place: { line?: number; offset?: number } = {}, options?: ErrorOptions) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message, options);
    Error.stackTraceLimit = stackTraceLimit;
    this.line = place.line;
    this.offset = place.offset;
  }
}

/** Input is larger, or more, than a named limit allows. */
export class LimitExceededError extends TsdbError {
  readonly code = "limit-exceeded";
}

/** A content type or encoding that the receiver does not speak. */
export class UnsupportedMediaTypeError extends TsdbError {
  readonly code = "unsupported-media-type";
}

/** Stored bytes are not what was written. */
export class CorruptionError extends TsdbError {
  readonly code = "corruption";
  readonly file: string | undefined;
  readonly offset: number | undefined;
  constructor(message: string, place: { file?: string; offset?: number } = {}, options?: ErrorOptions) {
    const where =
      place.file === undefined
        ? ""
        : ` (${place.file}${place.offset === undefined ? "" : ` at byte ${place.offset}`})`;
    super(`${message}${where}`, options);
    this.file = place.file;
    this.offset = place.offset;
  }
}

/** Another process has the data directory. */
export class LockedError extends TsdbError {
  readonly code = "locked";
  readonly directory: string;
  readonly pid: number | undefined;
  /** `host` is given when the process is on another machine, where nobody can see whether it still lives. */
  constructor(directory: string, pid: number | undefined, host?: string) {
    const holder = pid === undefined ? "another process" : `process ${pid}`;
    super(
      `the data directory ${directory} is in use by ${holder}${host === undefined ? "" : ` on ${host}`}; ` +
        "stop that process, or talk to it over HTTP" +
        (host === undefined ? "" : `; if it is gone for good, remove ${directory}/lock`),
    );
    this.directory = directory;
    this.pid = pid;
  }
}

/** The object was closed (or committed, or rolled back) before this call. */
export class ClosedError extends TsdbError {
  readonly code = "closed";
}

/** A sync failed earlier: what was acknowledged is safe, but nothing more is written until reopened. */
export class PoisonedError extends TsdbError {
  readonly code = "poisoned";
}

/** The file system refused: disk full, permission, I/O error. `cause` is the system's error. */
export class StorageError extends TsdbError {
  readonly code: ErrorCode = "storage";
}

/** There is no room on the disk, or the quota is used up. The same may succeed when there is. */
export class DiskFullError extends StorageError {
  override readonly code = "disk-full";
}

/**
 * The file system had no room for a write, or refused it otherwise, and what had arrived was taken back: nothing of it
 * is stored, and the same may succeed later without more than time or room.
 */
export class WriteRefusedError extends StorageError {
  override readonly code = "write-refused";
}

/** The configuration file or a command line flag is wrong. `line` and `column` count from 1. */
export class ConfigError extends TsdbError {
  readonly code = "config";
  readonly line: number | undefined;
  readonly column: number | undefined;
  constructor(message: string, place: { line?: number; column?: number } = {}, options?: ErrorOptions) {
    super(message, options);
    this.line = place.line;
    this.column = place.column;
  }
}

/** The service cannot answer now: it starts, stops, or a peer cannot be reached. */
export class UnavailableError extends TsdbError {
  readonly code = "unavailable";
}

/** Nobody knows who asks: credentials are missing or wrong. */
export class UnauthorizedError extends TsdbError {
  readonly code = "unauthorized";
}

/** It is known who asks, and they may not do this. */
export class ForbiddenError extends TsdbError {
  readonly code = "forbidden";
}

/** More requests or samples in a time than a budget allows. The same is welcome after `retryAfterMs`. */
export class TooManyRequestsError extends TsdbError {
  readonly code = "too-many-requests";
  readonly retryAfterMs: number;
  constructor(message: string, retryAfterMs: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}
