/**
 * pushDeviceBody: a body of JSON or MessagePack values into a Push. See device-rows.ts for what a value may be.
 *
 * What cannot be read within a value is counted, and the rest is kept. Where no next value can be found, in the midst
 * of MessagePack or of brackets that do not close, the rest of the body is one malformed value.
 */

import { MalformedInputError } from "../../model/errors.js";
import type { Push, PushResult } from "../push/push.js";
import type { BodyReader } from "../push/push-body.js";
import { pushRows } from "../push/push-row-body.js";
import { PushRows } from "../push/push-rows.js";
import { RowMemory } from "../push/row-memory.js";
import { DeviceRows, type TimeUnit } from "./device-rows.js";
import { JsonValues } from "./json-values.js";
import { KnownValues } from "./known-values.js";
import { MsgpackValues, type MsgpackVisitor } from "./msgpack-values.js";
import { takesNothing, type ValueTaker } from "./value-taker.js";

export interface DeviceBodyOptions {
  readonly format: "json" | "msgpack";
  /** Of numeric times. Default milliseconds. */
  readonly timeUnit?: TimeUnit | undefined;
  /** Of earlier bodies. */
  readonly memory?: RowMemory;
}

/** See `pushBody`. */
export function pushDeviceBody(
  source: AsyncIterable<Uint8Array>,
  push: Push,
  { format, timeUnit = "ms", memory }: DeviceBodyOptions,
): Promise<PushResult> {
  const rows = new PushRows(push, memory ?? new RowMemory(), memory !== undefined);
  const values = new DeviceRows(push, rows, timeUnit);
  const sizeMaxBytes = push.limits.lineSizeBytes;
  const taker =
    memory === undefined ? takesNothing : new KnownValues(rows, values, { format, timeUnit, sizeMaxBytes });
  const reader = format === "json" ? jsonInto(values, taker, push) : msgpackInto(values, taker, push);
  return pushRows(source, push, rows, new LenientReader(reader, values));
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

function jsonInto(rows: DeviceRows, taker: ValueTaker, { limits }: Push): JsonValues {
  const visit = (text: string | undefined) => {
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
  };
  return new JsonValues(limits.lineSizeBytes, visit, taker);
}

function msgpackInto(rows: DeviceRows, taker: ValueTaker, { limits }: Push): MsgpackValues {
  const visit: MsgpackVisitor = (value, problem) => {
    if (problem !== undefined) rows.takeUnreadable(problem);
    else rows.take(value);
  };
  return new MsgpackValues(limits.lineSizeBytes, visit, taker);
}
