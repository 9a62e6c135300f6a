/**
 * The public surface of `narthex/client`: push to any receiver of remote write without loading a database.
 */

export type { DatabaseEvent, LabelsLike, Row } from "../api.js";
export type { Clock } from "../model/clock.js";
export {
  ClosedError,
  CorruptionError,
  InvalidArgumentError,
  LockedError,
  StorageError,
  TsdbError,
} from "../model/errors.js";
export { Labels } from "../model/labels.js";
export type { TimeLike, TimestampMs } from "../model/sample.js";
export { openPushClient } from "./push-client.js";
export type {
  CloseOptions,
  FlushResult,
  PushAddressOptions,
  PushAddressStatus,
  PushClient,
  PushClientEvent,
  PushClientOptions,
  PushClientStatus,
  PushSeries,
} from "./push-client-options.js";
export type { QueueLimits } from "./queue/push-queue.js";
export type { DropReason } from "./queue/queue-cursor.js";
