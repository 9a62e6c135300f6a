/**
 * SentFailure: an error of storage on its way from one thread to another, which would not keep its class.
 */

import {
  CorruptionError,
  DiskFullError,
  NotImplementedError,
  StorageError,
  type TsdbError,
  UnavailableError,
} from "../../model/errors.js";

/** Can be cloned between threads. */
export interface SentFailure {
  readonly code: TsdbError["code"];
  /** Without what the error's class adds by itself. */
  readonly message: string;
  readonly file?: string;
  readonly offset?: number;
}

export function encodeFailure(error: TsdbError): SentFailure {
  const { code, message } = error;
  if (error instanceof NotImplementedError) return { code, message: error.feature };
  if (!(error instanceof CorruptionError)) return { code, message };
  const place = {
    ...(error.file === undefined ? {} : { file: error.file }),
    ...(error.offset === undefined ? {} : { offset: error.offset }),
  };
  const suffix = new CorruptionError("", place).message;
  return { code, message: message.slice(0, message.length - suffix.length), ...place };
}

/** An error like the one that was encoded; of classes that storage does not throw when it merges, an UnavailableError. */
export function decodeFailure({ code, message, ...place }: SentFailure): TsdbError {
  switch (code) {
    case "corruption":
      return new CorruptionError(message, place);
    case "not-implemented":
      return new NotImplementedError(message);
    case "disk-full":
      return new DiskFullError(message);
    case "storage":
      return new StorageError(message);
    default:
      return new UnavailableError(message);
  }
}
