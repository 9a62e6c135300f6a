/**
 * UsualSamples: values that are one sample as most devices write them, without parsing what is known of them:
 *
 *   {"name":"room_celsius","labels":{"room":"attic"},"value":21.4,"time":1700000000000}
 *   └───────────────── the head ─────────────────┘         the time may be left out
 *
 * Bytes of a head that were parsed before are the same fields again, since a value is read from its front; what follows
 * is read strictly. Whatever is written otherwise is left to the parser.
 */

import type { Labels } from "../../model/labels.js";
import { DecimalScan } from "../decimal-scan.js";
import { NO_NUMBER } from "../push/byte-keys.js";
import type { PushRows } from "../push/push-rows.js";
import { type DeviceRows, labelsOfSample } from "./device-rows.js";
import { NOWHERE } from "./json-values.js";
import { unpackOne } from "./msgpack-values.js";

/** A longer head is parsed each time. */
const headSizeMax = 2048;

/** Owners of keys. In MessagePack a head says how many fields there will be. */
const JSON_HEAD = -1;
const MSGPACK_HEAD = -2;
const MSGPACK_HEAD_BEFORE_TIME = -3;

const jsonValueKey = Buffer.from('"value":');
const jsonTimeKey = Buffer.from(',"time":');
const msgpackValueKey = Buffer.from("\xa5value", "latin1");
const msgpackTimeKey = Buffer.from("\xa4time", "latin1");

const LINE_FEED = 0x0a;
const CLOSE_BRACE = 0x7d;
const SMALL_V = 0x76;

export class UsualSamples {
  readonly #rows: PushRows;
  readonly #values: DeviceRows;
  readonly #sizeMaxBytes: number;
  readonly #decimal = new DecimalScan();
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  /** Of the MessagePack number read last. */
  #number = 0;

  constructor(rows: PushRows, values: DeviceRows, sizeMaxBytes: number) {
    this.#rows = rows;
    this.#values = values;
    this.#sizeMaxBytes = sizeMaxBytes;
  }

  /** Takes the value that begins at `start`, and returns where it ends; or NOWHERE, and has done nothing. */
  takeJson(bytes: Buffer, start: number): number {
    const headEnd = keyAt(bytes, start, jsonValueKey, LINE_FEED);
    const decimal = this.#decimal;
    if (headEnd === NOWHERE || !decimal.read(bytes, headEnd + jsonValueKey.length, bytes.length))
      return NOWHERE;
    const value = decimal.value;
    let time: number | undefined;
    if (hasAt(bytes, decimal.end, jsonTimeKey)) {
      if (!decimal.read(bytes, decimal.end + jsonTimeKey.length, bytes.length)) return NOWHERE;
      time = decimal.value;
    }
    const { end } = decimal;
    if (bytes[end] !== CLOSE_BRACE || end + 1 - start > this.#sizeMaxBytes) return NOWHERE;
    return this.#take(bytes, start, headEnd, JSON_HEAD, time, value) ? end + 1 : NOWHERE;
  }

  /** As `takeJson`. */
  takeMsgpack(bytes: Buffer, start: number): number {
    const headEnd = keyAt(bytes, start, msgpackValueKey);
    if (headEnd === NOWHERE) return NOWHERE;
    let end = this.#readNumber(bytes, headEnd + msgpackValueKey.length);
    if (end === NOWHERE) return NOWHERE;
    const value = this.#number;
    let time: number | undefined;
    if (hasAt(bytes, end, msgpackTimeKey)) {
      end = this.#readNumber(bytes, end + msgpackTimeKey.length);
      if (end === NOWHERE) return NOWHERE;
      time = this.#number;
    }
    if (end - start > this.#sizeMaxBytes) return NOWHERE;
    const owner = time === undefined ? MSGPACK_HEAD : MSGPACK_HEAD_BEFORE_TIME;
    return this.#take(bytes, start, headEnd, owner, time, value) ? end : NOWHERE;
  }

  #take(
    bytes: Buffer,
    start: number,
    headEnd: number,
    owner: number,
    time: number | undefined,
    value: number,
  ): boolean {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    let number = this.#rows.find(owner, this.#view, start, headEnd);
    if (number === NO_NUMBER) {
      const labels = labelsOfHead(bytes.subarray(start, headEnd), owner);
      if (labels === undefined) return false;
      number = this.#rows.take(labels);
      this.#rows.remember(owner, this.#view, start, headEnd, number);
    }
    this.#values.takeKnown(number, time, value);
    return true;
  }

  /** Returns where the number ends; NOWHERE for what is no number, or one of 32 bits with a fraction. */
  #readNumber(bytes: Buffer, at: number): number {
    const first = bytes[at] ?? 0xc1;
    if (first <= 0x7f || first >= 0xe0) {
      this.#number = first <= 0x7f ? first : first - 0x100;
      return at + 1;
    }
    const size = numberSizes[first];
    if (size === undefined || at + 1 + size > bytes.length) return NOWHERE;
    this.#number = numberAt(bytes, first, at + 1);
    return at + 1 + size;
  }
}

/** Where the key stands first, at most so far behind `start`, and before `stop`. NOWHERE without it. */
function keyAt(bytes: Buffer, start: number, key: Buffer, stop?: number): number {
  const end = Math.min(bytes.length, start + headSizeMax);
  for (let at = start + 1; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === SMALL_V && hasAt(bytes, at - 1, key)) return at - 1;
    if (byte === stop) return NOWHERE;
  }
  return NOWHERE;
}

function hasAt(bytes: Buffer, at: number, wanted: Buffer): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

/** Undefined when the bytes are no head of one sample. */
function labelsOfHead(head: Buffer, owner: number): Labels | undefined {
  const fieldsAfter = owner === MSGPACK_HEAD_BEFORE_TIME ? ["value", "time"] : ["value"];
  try {
    const value = owner === JSON_HEAD ? JSON.parse(`${head}"value":0}`) : unpackOne(withZeros(head, owner));
    if (typeof value !== "object" || value === null) return undefined;
    const others = Object.keys(value).filter((key) => key !== "name" && key !== "labels");
    return others.join() === fieldsAfter.join() ? labelsOfSample(value) : undefined;
  } catch {
    return undefined;
  }
}

function withZeros(head: Buffer, owner: number): Buffer {
  const zero = Buffer.of(0);
  const time = owner === MSGPACK_HEAD_BEFORE_TIME ? [msgpackTimeKey, zero] : [];
  return Buffer.concat([head, msgpackValueKey, zero, ...time]);
}

/** Bytes behind the first, by the first. */
const numberSizes: Readonly<Record<number, number>> = {
  ...{ 203: 8, 204: 1, 205: 2, 206: 4, 207: 8 },
  ...{ 208: 1, 209: 2, 210: 4, 211: 8 },
};

function numberAt(bytes: Buffer, first: number, at: number): number {
  switch (first) {
    case 0xcb:
      return bytes.readDoubleBE(at);
    case 0xcf:
      return bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
    case 0xd3:
      return bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
    case 0xcc:
    case 0xcd:
    case 0xce:
      return bytes.readUIntBE(at, numberSizes[first]!);
    default:
      return bytes.readIntBE(at, numberSizes[first]!);
  }
}
