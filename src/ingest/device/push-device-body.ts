/**
 * pushDeviceBody: a body of JSON or MessagePack values into a Push. See device-rows.ts for what a value may be.
 *
 * What cannot be read within a value is counted, and the rest is kept. Where no next value can be found, in the midst
 * of MessagePack or of brackets that do not close, the rest of the body is one malformed value.
 */

import { MalformedInputError } from "../../model/errors.js";
import type { SeriesMemory } from "../push/known-series.js";
import { OriginMemory } from "../push/origin-memory.js";
import type { Push, PushResult } from "../push/push.js";
import { type BodyReader, pushBody } from "../push/push-body.js";
import { DeviceRows, type TimeUnit } from "./device-rows.js";
import { JsonValues } from "./json-values.js";
import { MsgpackValues } from "./msgpack-values.js";

export interface DeviceBodyOptions {
  readonly format: "json" | "msgpack";
  /** Of numeric times. Default milliseconds. */
  readonly timeUnit?: TimeUnit | undefined;
  /** Of earlier bodies. */
  readonly memory?: SeriesMemory;
}

/** See `pushBody`. */
export function pushDeviceBody(
  source: AsyncIterable<Uint8Array>,
  push: Push,
  { format, timeUnit, memory = new OriginMemory() }: DeviceBodyOptions,
): Promise<PushResult> {
  const rows = new DeviceRows(push, memory, timeUnit);
  const values = format === "json" ? jsonInto(rows, push) : msgpackInto(rows, push);
  return pushBody(source, push, new LenientReader(values, rows));
}

/** Passes over what stands behind the place where the values end to be readable. */
class LenientReader implements BodyReader {
  readonly #values: BodyReader;
  readonly #rows: DeviceRows;
  #isLost = false;

  constructor(values: BodyReader, rows: DeviceRows) {
    this.#values = values;
    this.#rows = rows;
  }

  write(piece: Uint8Array): void {
    this.#read(() => this.#values.write(piece));
  }

  end(): void {
    this.#read(() => this.#values.end());
  }

  #read(step: () => void): void {
    if (this.#isLost) return;
    try {
      step();
    } catch (error) {
      if (!(error instanceof MalformedInputError)) throw error;
      this.#rows.takeUnreadable(error.message);
      this.#isLost = true;
    }
  }
}

function jsonInto(rows: DeviceRows, { limits }: Push): JsonValues {
  return new JsonValues(limits.lineSizeBytes, (text) => {
    if (text === undefined) {
      rows.takeUnreadable(`it has more than ${limits.lineSizeBytes} bytes; send several`);
      return;
    }
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      rows.takeUnreadable(`it is no JSON: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    rows.take(value);
  });
}

function msgpackInto(rows: DeviceRows, { limits }: Push): MsgpackValues {
  return new MsgpackValues(limits.lineSizeBytes, (value, problem) => {
    if (problem !== undefined) rows.takeUnreadable(problem);
    else rows.take(value);
  });
}
