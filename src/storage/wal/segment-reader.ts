/**
 * readWalFile: every record of a segment or a checkpoint that can be read, and every range of bytes that cannot.
 *
 * It says what it found; what that means (a torn tail or corruption) depends on the files around it and is
 * decided in diagnose-segment.ts. Memory: a window of the file that grows to the largest record.
 */

import { crc32c } from "../../kernels/crc32c.js";
import { CorruptionError } from "../../model/errors.js";
import type { FileSystem, ReadableFile } from "../fs/file-system.js";
import { walFilePath } from "./wal-directory.js";
import {
  FILE_HEADER_SIZE_BYTES,
  FRAME_END,
  FRAME_HEADER_CRC_AT,
  FRAME_HEADER_SIZE_BYTES,
  FRAME_LENGTH_AT,
  FRAME_PAYLOAD_CRC_AT,
  FRAME_RECORD,
  fileHeaderFault,
  frameHeaderCrc,
  PAYLOAD_SIZE_MAX_BYTES,
  type WalFileIdentity,
} from "./wal-format.js";

/**
 * Takes one record that stands at `offset` of the file. The payload is borrowed until it returns. It may throw a
 * CorruptionError when the record cannot be understood: then it counts as unreadable.
 */
export type RecordVisitor = (payload: Uint8Array, offset: number) => void;

export interface UnreadableRange {
  readonly offset: number;
  readonly bytes: number;
  readonly message: string;
}

export interface WalFileContents {
  /** Its path. */
  readonly file: string;
  readonly sizeBytes: number;
  readonly records: number;
  /** Ranges with something valid behind them, in order. */
  readonly unreadable: readonly UnreadableRange[];
  /** The range up to the end of the file, when that is unreadable. */
  readonly tail: UnreadableRange | undefined;
  readonly hasHeader: boolean;
  /** Whether the end frame was read. */
  readonly hasEnd: boolean;
}

export async function readWalFile(
  fileSystem: FileSystem,
  directory: string,
  identity: WalFileIdentity,
  visit: RecordVisitor,
): Promise<WalFileContents> {
  const path = walFilePath(directory, identity);
  const file = await fileSystem.openForRead(path);
  try {
    return await new WalFileReader(file, path, identity, visit).read();
  } finally {
    await file.close();
  }
}

class WalFileReader {
  readonly #file: ReadableFile;
  readonly #path: string;
  readonly #identity: WalFileIdentity;
  readonly #visit: RecordVisitor;
  readonly #unreadable: UnreadableRange[] = [];
  #records = 0;
  #hasEnd = false;
  /** Bytes of the file from `#windowStart` on; the first `#windowLength` count. */
  #window: Uint8Array;
  #windowStart = 0;
  #windowLength = 0;
  /** Start of the unreadable range that the reader is in. */
  #lostFrom: number | undefined;
  #lostMessage = "";
  /** Bytes to be loaded before the next step. */
  #needed = 0;

  constructor(file: ReadableFile, path: string, identity: WalFileIdentity, visit: RecordVisitor) {
    this.#file = file;
    this.#path = path;
    this.#identity = identity;
    this.#visit = visit;
    this.#window = new Uint8Array(Math.min(file.size, 1024 * 1024));
  }

  async read(): Promise<WalFileContents> {
    const sizeBytes = this.#file.size;
    await this.#load(0, Math.min(FILE_HEADER_SIZE_BYTES, sizeBytes));
    const header = this.#window.subarray(0, Math.min(FILE_HEADER_SIZE_BYTES, this.#windowLength));
    const fault = fileHeaderFault(header, this.#path, this.#identity);
    let position = fault === undefined ? FILE_HEADER_SIZE_BYTES : 0;
    if (fault !== undefined) this.#lose(0, fault);
    while (position < sizeBytes) {
      const next = this.#step(position);
      if (next === undefined) await this.#load(position, this.#needed);
      else position = next;
    }
    return {
      file: this.#path,
      sizeBytes,
      records: this.#records,
      unreadable: this.#unreadable,
      tail: this.#lostFrom === undefined ? undefined : this.#lostUpTo(sizeBytes),
      hasHeader: fault === undefined,
      hasEnd: this.#hasEnd,
    };
  }

  /** Takes the frame at `position`, or finds none; returns where to go on, undefined to load `#needed` bytes first. */
  #step(position: number): number | undefined {
    const left = this.#file.size - position;
    if (left < FRAME_HEADER_SIZE_BYTES) {
      this.#lose(position, "a record is incomplete");
      return position + left;
    }
    if (!this.#holds(position, FRAME_HEADER_SIZE_BYTES)) return this.#need(FRAME_HEADER_SIZE_BYTES);
    const length = this.#frameLength(position);
    if (length === undefined) {
      this.#lose(position, "no valid record begins here");
      return position + 1;
    }
    const frameSize = FRAME_HEADER_SIZE_BYTES + length;
    if (!this.#holds(position, frameSize)) return this.#need(frameSize);
    const at = position - this.#windowStart;
    const payload = this.#window.subarray(at + FRAME_HEADER_SIZE_BYTES, at + frameSize);
    if (crc32c(payload) !== u32At(this.#window, at + FRAME_PAYLOAD_CRC_AT)) {
      this.#lose(position, "the checksum of a record does not match");
    } else {
      if (this.#lostFrom !== undefined) this.#closeLost(position);
      this.#take(this.#window[at]!, payload, position, position + frameSize);
    }
    return position + frameSize;
  }

  #need(count: number): undefined {
    this.#needed = count;
  }

  #take(type: number, payload: Uint8Array, position: number, end: number): void {
    if (type === FRAME_END && !this.#hasEnd) {
      this.#hasEnd = true;
      return;
    }
    try {
      if (this.#hasEnd) throw new CorruptionError("it stands behind the end of the file");
      this.#visit(payload, position);
      this.#records++;
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.#lose(position, `a record cannot be understood: ${error.message}`);
      this.#closeLost(end);
    }
  }

  /** The payload length of the frame at `position`, undefined when its header does not hold. */
  #frameLength(position: number): number | undefined {
    const left = this.#file.size - position - FRAME_HEADER_SIZE_BYTES;
    if (left < 0) return undefined;
    const at = position - this.#windowStart;
    const type = this.#window[at];
    if (type !== FRAME_RECORD && type !== FRAME_END) return undefined;
    const length = u32At(this.#window, at + FRAME_LENGTH_AT);
    if (length > left || length > PAYLOAD_SIZE_MAX_BYTES || (type === FRAME_END && length > 0))
      return undefined;
    const crc = frameHeaderCrc(this.#window, at, this.#identity.number, position);
    return crc === u32At(this.#window, at + FRAME_HEADER_CRC_AT) ? length : undefined;
  }

  #lose(position: number, message: string): void {
    if (this.#lostFrom !== undefined) return;
    this.#lostFrom = position;
    this.#lostMessage = message;
  }

  #closeLost(end: number): void {
    this.#unreadable.push(this.#lostUpTo(end));
    this.#lostFrom = undefined;
  }

  #lostUpTo(end: number): UnreadableRange {
    const offset = this.#lostFrom ?? end;
    return { offset, bytes: end - offset, message: this.#lostMessage };
  }

  #holds(position: number, count: number): boolean {
    return position >= this.#windowStart && position + count <= this.#windowStart + this.#windowLength;
  }

  /** Moves the window to begin at `position` and to hold at least `count` bytes. */
  async #load(position: number, count: number): Promise<void> {
    const kept = Math.max(0, this.#windowStart + this.#windowLength - position);
    const from = this.#windowLength - kept;
    if (count > this.#window.length) {
      const grown = new Uint8Array(Math.min(this.#file.size, Math.max(count, this.#window.length * 2)));
      grown.set(this.#window.subarray(from, this.#windowLength));
      this.#window = grown;
    } else {
      this.#window.copyWithin(0, from, this.#windowLength);
    }
    this.#windowStart = position;
    const read = await this.#file.read(this.#window.subarray(kept), position + kept);
    this.#windowLength = kept + read;
    if (this.#windowLength < count)
      throw new CorruptionError("the file became shorter while it was read", {
        file: this.#path,
        offset: position,
      });
  }
}

function u32At(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
