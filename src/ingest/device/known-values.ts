/**
 * KnownValues: values of devices as most devices write them, through a kernel, which reads those whose labels have been
 * parsed once:
 *
 *   {"name":"room_celsius","labels":{"room":"attic"},"value":21.4,"time":1700000000000}
 *   {"labels":{"room":"attic"},"times":[1700000000000,1700000060000],"values":{"room_celsius":[21.4,21.5]}}
 *   └───────── the head ──────────┘  or up to "value"                         └─ a name ─┘
 *
 * Bytes of a head that were parsed before are the same fields again, since a value is read from its front; what follows is
 * read strictly. Whatever is written otherwise is left to the parser.
 */

import { isUtf8 } from "node:buffer";
import {
  BODY_JSON_VALUES,
  BODY_PACKED_VALUES,
  JSON_COLUMNS_OWNER,
  JSON_SAMPLE_OWNER,
  PACKED_COLUMNS_OWNER,
  PACKED_COLUMNS_WITH_TIME_OWNER,
  PACKED_COLUMNS_WITH_TIMES_OWNER,
  PACKED_SAMPLE_OWNER,
  PACKED_TIMED_SAMPLE_OWNER,
} from "../../kernels/body-format.js";
import type { MissedKey } from "../../kernels/body-kernel.js";
import { MalformedInputError } from "../../model/errors.js";
import type { Labels } from "../../model/labels.js";
import { NO_NUMBER } from "../push/byte-keys.js";
import { KnownScan } from "../push/known-scan.js";
import type { PushRows } from "../push/push-rows.js";
import { type DeviceRows, labelsOfColumn, labelsOfSample, type TimeUnit, timeUnits } from "./device-rows.js";
import { unpackOne } from "./msgpack-values.js";
import { NOWHERE, type ValueTaker } from "./value-taker.js";

const OPEN_BRACE = 0x7b;
const QUOTE = 0x22;
/** Of the words for what follows a head in MessagePack. */
const FIRST_OF_VALUES = 0xa6;
const FIRST_OF_TIME = 0xa4;
/** Text with its length in a byte, which shorter ones have not. */
const TEXT_8 = 0xd9;
const SHORT_TEXT_SIZES = 32;

export interface KnownValuesOptions {
  readonly format: "json" | "msgpack";
  readonly timeUnit: TimeUnit;
  readonly sizeMaxBytes: number;
}

export class KnownValues implements ValueTaker {
  taken = 0;
  readonly #rows: PushRows;
  readonly #values: DeviceRows;
  readonly #scan: KnownScan;
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor(rows: PushRows, values: DeviceRows, { format, timeUnit, sizeMaxBytes }: KnownValuesOptions) {
    this.#rows = rows;
    this.#values = values;
    this.#scan = new KnownScan(rows, {
      format: format === "json" ? BODY_JSON_VALUES : BODY_PACKED_VALUES,
      sizeMax: sizeMaxBytes,
      timeScale: timeUnits[timeUnit],
    });
  }

  take(bytes: Buffer, start: number, isInArray: boolean): number {
    if (bytes !== this.#bytes) this.#begin(bytes);
    this.taken = 0;
    for (let at = start; ; ) {
      const stop = this.#scan.read(at, { isInArray });
      if (stop > at) this.taken += this.#scan.lines;
      if (stop < bytes.length && this.#learn(stop)) {
        at = stop;
        continue;
      }
      this.#values.passed(this.taken);
      return stop === start ? NOWHERE : stop;
    }
  }

  /** Each piece is a buffer of its own. */
  #begin(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#scan.begin(bytes, 0, bytes.length, this.#rows.owner);
  }

  /** Learns what the value at `start` lacked to be read. Returns false when that was not all. */
  #learn(start: number): boolean {
    const missed = this.#scan.missed;
    if (missed === undefined) return false;
    const rows = this.#rows;
    // What is refused is not learnt.
    if (rows.find(missed.owner, this.#view, missed.start, missed.end) !== NO_NUMBER) return false;
    return missed.start === start ? this.#learnHead(missed) : this.#learnColumn(start, missed);
  }

  #learnHead({ owner, start, end }: MissedKey): boolean {
    const rows = this.#rows;
    const head = this.#bytes.subarray(start, end);
    const kind = owner - rows.owner;
    const fields = fieldsOfHead(head, kind);
    if (fields === undefined) return false;
    if (isOfSample(kind)) {
      const labels = readable(() => labelsOfSample(fields));
      return labels !== undefined && rows.remember(owner, this.#view, start, end, rows.take(labels));
    }
    rows.rememberOwner(owner, this.#view, start, end);
    return rows.find(owner, this.#view, start, end) !== NO_NUMBER;
  }

  #learnColumn(start: number, { owner, start: nameStart, end, headEnd }: MissedKey): boolean {
    const rows = this.#rows;
    const name = nameOf(this.#bytes.subarray(nameStart, end));
    if (name === undefined) return false;
    const fields = fieldsOfHead(this.#bytes.subarray(start, headEnd), this.#columnsKind(start, headEnd));
    if (fields === undefined) return false;
    const labels = readable(() => labelsOfColumn(fields, name));
    return labels !== undefined && rows.remember(owner, this.#view, nameStart, end, rows.take(labels));
  }

  /** Of the head at `start`, by what stands behind it. */
  #columnsKind(start: number, headEnd: number): number {
    if (this.#bytes[start] === OPEN_BRACE) return JSON_COLUMNS_OWNER;
    if (this.#bytes[headEnd] === FIRST_OF_VALUES) return PACKED_COLUMNS_OWNER;
    return this.#bytes[headEnd] === FIRST_OF_TIME
      ? PACKED_COLUMNS_WITH_TIME_OWNER
      : PACKED_COLUMNS_WITH_TIMES_OWNER;
  }
}

/** What may follow a head, empty, and the names of its fields. */
const endings: Readonly<Record<number, readonly [text: string, fields: string]>> = {
  [JSON_SAMPLE_OWNER]: ['"value":0}', "value"],
  [JSON_COLUMNS_OWNER]: ['"values":{}}', "values"],
  [PACKED_SAMPLE_OWNER]: ["\xa5value\0", "value"],
  [PACKED_TIMED_SAMPLE_OWNER]: ["\xa5value\0\xa4time\0", "value,time"],
  [PACKED_COLUMNS_OWNER]: ["\xa6values\x80", "values"],
  [PACKED_COLUMNS_WITH_TIMES_OWNER]: ["\xa5times\x90\xa6values\x80", "times,values"],
  [PACKED_COLUMNS_WITH_TIME_OWNER]: ["\xa4time\0\xa6values\x80", "time,values"],
};

function isOfSample(kind: number): boolean {
  return kind === JSON_SAMPLE_OWNER || kind === PACKED_SAMPLE_OWNER || kind === PACKED_TIMED_SAMPLE_OWNER;
}

/** The fields of a value that begins so; undefined when there is none, or it has others than it may have. */
function fieldsOfHead(head: Buffer, kind: number): object | undefined {
  const [ending, fields] = endings[kind]!;
  const bytes = Buffer.concat([head, Buffer.from(ending, "latin1")]);
  const isJson = kind === JSON_SAMPLE_OWNER || kind === JSON_COLUMNS_OWNER;
  let value: unknown;
  try {
    value = isJson ? JSON.parse(bytes.toString()) : unpackOne(bytes);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const others = Object.keys(value).filter(
    (key) => key !== "labels" && (key !== "name" || !isOfSample(kind)),
  );
  return others.join() === fields ? value : undefined;
}

/** Undefined where the labels are none. */
function readable(labels: () => Labels | undefined): Labels | undefined {
  try {
    return labels();
  } catch (error) {
    if (error instanceof MalformedInputError) return undefined;
    throw error;
  }
}

/** Undefined for a name that can be written in several ways: of equal names in a value only the last one counts. */
function nameOf(bytes: Buffer): string | undefined {
  if (bytes[0] === QUOTE) return isUtf8(bytes) ? JSON.parse(bytes.toString()) : undefined;
  const isShort = bytes[0] !== TEXT_8;
  const text = bytes.subarray(isShort ? 1 : 2);
  if (!isUtf8(text) || isShort !== text.length < SHORT_TEXT_SIZES) return undefined;
  // msgpackr gives it another name.
  const name = text.toString();
  return name === "__proto__" || name === "__proto_" ? undefined : name;
}
