/**
 * HttpLimits: the most that one request may bring or ask for, each limit with a name and a default.
 */

export interface HttpLimits {
  /** Bytes of a request line and headers, so of a query in a URL; Go's default, which clients rely on. */
  readonly headerSizeBytes: number;
  /** Bytes of a form body of the query API. */
  readonly formSizeBytes: number;
  /** Bytes of a pushed body as it arrives, before decompression. */
  readonly pushSizeBytes: number;
  /** Bytes of a pushed body after decompression. */
  readonly pushDecodedSizeBytes: number;
  /** Bytes of a file that is imported, before and after decompression. */
  readonly importSizeBytes: number;
  /** UTF-16 units of a label name in a path. */
  readonly pathParameterLength: number;
  /** Steps of a range query, as in Prometheus. */
  readonly stepsMax: number;
  /** The longest that a query may run, whatever it asks for. */
  readonly queryTimeoutMs: number;
}

export const defaultHttpLimits: HttpLimits = {
  headerSizeBytes: 1024 * 1024,
  formSizeBytes: 10 * 1024 * 1024,
  pushSizeBytes: 32 * 1024 * 1024,
  pushDecodedSizeBytes: 256 * 1024 * 1024,
  importSizeBytes: 64 * 1024 * 1024 * 1024,
  pathParameterLength: 4096,
  stepsMax: 11_000,
  queryTimeoutMs: 120_000,
};
