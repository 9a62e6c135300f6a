/**
 * Segments of a queue: the same for what is on disk and for what is in memory, where no directory is given or the
 * disk refuses.
 *
 * Lifetime: frames are added at the end until the queue begins the next segment; a segment is removed as a whole.
 */

import { UnavailableError } from "../../model/errors.js";
import type { FileSystem, ReadableFile, WritableFile } from "../../storage/fs/file-system.js";
import {
  decodeFrame,
  encodeFrame,
  encodeSegmentHeader,
  FRAME_HEADER_SIZE_BYTES,
  type FramePlace,
  type QueueRecord,
  SEGMENT_HEADER_SIZE_BYTES,
  type SegmentScan,
} from "./queue-format.js";

/** A record's place in the queue. Sequences grow by one from record to record while a queue is open. */
export interface Frame extends FramePlace {
  readonly sequence: number;
}

export interface QueueSegment {
  readonly kind: "disk" | "memory";
  readonly number: number;
  /** In order, without gaps in their sequence. */
  readonly frames: readonly Frame[];
  /** Header and frames, whether read already or not. */
  readonly sizeBytes: number;
  /** Rejects with StorageError: its records are what they were, and it must not be given more. */
  append(record: QueueRecord, sequence: number): Promise<void>;
  /** Makes what was appended durable. After it has rejected once it always does: nobody knows what is durable. */
  sync(): Promise<void>;
  /** Rejects with CorruptionError or StorageError. */
  read(frame: Frame): Promise<Uint8Array>;
  close(): Promise<void>;
  /** Closes it, and takes its bytes away. */
  remove(): Promise<void>;
}

export class DiskSegment implements QueueSegment {
  readonly kind = "disk";
  readonly number: number;
  readonly frames: Frame[] = [];
  readonly #fileSystem: FileSystem;
  readonly #path: string;
  #sizeBytes = SEGMENT_HEADER_SIZE_BYTES;
  /** Undefined for one that was found, and once it is closed. */
  #writer: WritableFile | undefined;
  #syncFailure: unknown;
  /** Several cursors read at once. */
  #reader: Promise<ReadableFile> | undefined;
  #isClosed = false;
  #isSynced = true;

  private constructor(place: { fileSystem: FileSystem; path: string; number: number }) {
    this.#fileSystem = place.fileSystem;
    this.#path = place.path;
    this.number = place.number;
  }

  /** A new one. Rejects with StorageError, and then there is none. */
  static async create(place: { fileSystem: FileSystem; path: string; number: number }): Promise<DiskSegment> {
    const segment = new DiskSegment(place);
    const writer = await place.fileSystem.create(place.path);
    try {
      await writer.write(encodeSegmentHeader(place.number));
    } catch (error) {
      await writer.close();
      await place.fileSystem.remove(place.path);
      throw error;
    }
    segment.#writer = writer;
    segment.#isSynced = false;
    return segment;
  }

  /** One that an earlier process left. */
  static found(
    place: { fileSystem: FileSystem; path: string; number: number },
    { frames, damagedSizeBytes }: SegmentScan,
    firstSequence: number,
  ): DiskSegment {
    const segment = new DiskSegment(place);
    for (const [i, frame] of frames.entries()) segment.#add({ ...frame, sequence: firstSequence + i });
    segment.#sizeBytes += damagedSizeBytes;
    return segment;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  async append(record: QueueRecord, sequence: number): Promise<void> {
    const offset = this.#sizeBytes;
    const bytes = encodeFrame(record, { number: this.number, offset });
    // When this fails, a part of the frame may be there: the torn tail of this segment.
    await this.#writer!.write(bytes);
    this.#isSynced = false;
    const { samples, queuedAt, payload } = record;
    this.#add({ sequence, offset, payloadSizeBytes: payload.length, samples, queuedAt });
  }

  async sync(): Promise<void> {
    if (this.#syncFailure !== undefined) throw this.#syncFailure;
    if (this.#isSynced) return;
    try {
      await this.#writer!.sync();
    } catch (error) {
      this.#syncFailure = error;
      throw error;
    }
    this.#isSynced = true;
  }

  async read(frame: Frame): Promise<Uint8Array> {
    if (this.#isClosed) throw new UnavailableError(`${this.#path} has left the queue`);
    this.#reader ??= this.#fileSystem.openForRead(this.#path);
    const reader = await this.#reader;
    const bytes = new Uint8Array(FRAME_HEADER_SIZE_BYTES + frame.payloadSizeBytes);
    const found = await reader.read(bytes, frame.offset);
    return decodeFrame(bytes.subarray(0, found), this.#path);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const reader = await this.#reader?.catch(() => undefined);
    this.#reader = undefined;
    await reader?.close();
    await this.#writer?.close();
    this.#writer = undefined;
  }

  async remove(): Promise<void> {
    await this.close();
    await this.#fileSystem.remove(this.#path);
  }

  #add(frame: Frame): void {
    this.frames.push(frame);
    this.#sizeBytes += FRAME_HEADER_SIZE_BYTES + frame.payloadSizeBytes;
  }
}

export class MemorySegment implements QueueSegment {
  readonly kind = "memory";
  readonly number: number;
  readonly frames: Frame[] = [];
  #payloads: Uint8Array[] = [];
  #sizeBytes = 0;

  constructor(number: number) {
    this.number = number;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  async append({ payload, samples, queuedAt }: QueueRecord, sequence: number): Promise<void> {
    const offset = this.#sizeBytes;
    this.frames.push({ sequence, offset, payloadSizeBytes: payload.length, samples, queuedAt });
    this.#payloads.push(payload);
    this.#sizeBytes += FRAME_HEADER_SIZE_BYTES + payload.length;
  }

  async sync(): Promise<void> {}

  async read(frame: Frame): Promise<Uint8Array> {
    return this.#payloads[frame.sequence - this.frames[0]!.sequence]!;
  }

  async close(): Promise<void> {}

  async remove(): Promise<void> {
    this.#payloads = [];
  }
}
