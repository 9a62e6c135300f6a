/**
 * The public surface of the library. What is not named here may change without notice.
 */

export type {
  BlockExportResult,
  BlockStatus,
  CheckedBlock,
  CheckedLog,
  CheckProblem,
  CheckReport,
  Database,
  DatabaseEvent,
  DatabaseOptions,
  DatabaseStatus,
  DeleteOptions,
  DirectoryImportResult,
  Durability,
  DurationLike,
  LabelsLike,
  MatrixResult,
  MetadataOptions,
  PushSources,
  QueryOptions,
  QueryResult,
  RangeQueryOptions,
  RetentionRule,
  Row,
  ScalarResult,
  SeriesHandle,
  SnapshotOptions,
  StringResult,
  VectorResult,
  WriteTrouble,
} from "./api.js";
export { checkDatabase, openDatabase } from "./database.js";
export type {
  Push,
  PushColumns,
  PushGate,
  PushOrigin,
  PushProtocol,
  PushRefusal,
  PushRejection,
  PushRequest,
  PushResult,
  PushSender,
  PushSeries,
  RefusalReason,
  StalenessPolicy,
  UnstoredKind,
} from "./ingest/push/push.js";
export type {
  PushAddress,
  PushBudgets,
  PushCertificate,
  PushConfig,
  PushLimits,
  PushRights,
  PushToken,
} from "./ingest/source/push-config.js";
export type {
  PushRecord,
  RefusedAdmission,
  RejectedPushRecord,
  SourceInterval,
  SourceState,
  SourceStatus,
} from "./ingest/source/source-status.js";
export type {
  Appendable,
  AppendColumns,
  Appender,
  CommitResult,
  RejectedSample,
  Rejection,
  RejectReason,
} from "./model/appendable.js";
export type { Clock } from "./model/clock.js";
export {
  ClosedError,
  ConfigError,
  CorruptionError,
  DiskFullError,
  type ErrorCode,
  ForbiddenError,
  InvalidArgumentError,
  LimitExceededError,
  LockedError,
  MalformedInputError,
  NotImplementedError,
  ParseError,
  PoisonedError,
  QueryCanceledError,
  QueryError,
  QueryLimitError,
  QueryTimeoutError,
  StorageError,
  TooManyRequestsError,
  TsdbError,
  UnauthorizedError,
  WriteRefusedError,
} from "./model/errors.js";
export type { ExportFormat, ExportOptions, ExportSelection } from "./model/exporting.js";
export type {
  CsvOptions,
  ImportOptions,
  ImportProgress,
  ImportResult,
  MalformedRow,
} from "./model/importing.js";
export { Labels } from "./model/labels.js";
export { Matcher, type MatchOperator } from "./model/matcher.js";
export type { MetadataReader, MetadataSink, MetricMetadata } from "./model/metric-metadata.js";
export type { Querier, Queryable, SelectHints } from "./model/queryable.js";
export type { Sample, SampleColumns, TimeLike, TimeRange, TimestampMs } from "./model/sample.js";
export {
  type BlockEncoding,
  type EncodedChunk,
  NO_SERIES,
  type Series,
  type SeriesRef,
} from "./model/series.js";
export { isStaleAt } from "./model/staleness.js";
export { RelabelConfig } from "./relabel/relabel-config.js";
export type { FileSystem, ReadableFile, WritableFile } from "./storage/fs/file-system.js";
