/**
 * ReferenceRemoteWriteKernel: the remote write kernel in TypeScript, the oracle of the one in WebAssembly.
 */

import { ProtobufReader, WIRE_BYTES, WIRE_FIXED64, WIRE_VARINT } from "./protobuf-reader.js";
import { ReferenceLabelPairs } from "./reference-label-pairs.js";
import { ReferenceSymbols } from "./reference-symbols.js";
import {
  describeProblem,
  KEY_SIZE_BYTES_MAX,
  MALFORMED_ENTRIES_MAX,
  NONE,
  PROBLEM_BAD_REF,
  PROBLEM_EMPTY,
  PROBLEM_MIXED,
  PROBLEM_ODD_REFS,
} from "./remote-write-format.js";
import type {
  DecodeCounts,
  DecodedEntry,
  DecodeOptions,
  LabelPair,
  RemoteWriteKernel,
  RowColumns,
  SeriesEntry,
  SplitSeries,
} from "./remote-write-kernel.js";
import { decodeSnappy } from "./snappy.js";

interface KnownSeries {
  readonly index: number;
  metadataKey: string;
}

/** A series entry with what it is remembered by. */
interface KeyedEntry extends SeriesEntry {
  /** Undefined when the labels cannot be remembered. */
  readonly key: string | undefined;
  /** Empty when nothing is said. */
  readonly metadataKey: string;
}

interface Counts {
  exemplars: number;
  histograms: number;
  malformedSeries: number;
  lostSamples: number;
}

export class ReferenceRemoteWriteKernel implements RemoteWriteKernel {
  readonly #known = new Map<string, KnownSeries>();
  #tableSizeBytes = 0;
  #input = new Uint8Array(0);
  #scan: Scan | undefined;
  #split: SplitSeries | undefined;
  readonly #pairs = new ReferenceLabelPairs();

  get sizeBytes(): number {
    return this.#input.length + this.#tableSizeBytes;
  }

  get tableSizeBytes(): number {
    return this.#tableSizeBytes;
  }

  get entryCount(): number {
    return this.#scan?.entries.length ?? 0;
  }

  input(sizeBytes: number): Uint8Array {
    this.#input = new Uint8Array(sizeBytes);
    return this.#input;
  }

  decode(sizeBytes: number, options: DecodeOptions): DecodeCounts {
    const message = decodeSnappy(this.#input.subarray(0, sizeBytes), options.decodedSizeMax);
    const scan = new Scan(message, options, this.#known);
    if (options.version === 1) scan.scanWriteRequest();
    else scan.scanRequest2();
    this.#scan = scan;
    return scan.counts;
  }

  entry(position: number): DecodedEntry {
    return this.#scan!.entries[position]!;
  }

  split(textSizeMax: number, labelsMax: number): SplitSeries {
    const found = this.#scan!.entries.flatMap((entry, position) => {
      if (entry.kind !== "series" || entry.index !== undefined) return [];
      const { key } = this.#keyedEntry(position);
      if (key === undefined || key.length > KEY_SIZE_BYTES_MAX) return [];
      const pairs = this.#pairs.split(entry.labels, { sizeMax: textSizeMax, labelsMax });
      return pairs === undefined ? [] : [{ position, pairs }];
    });
    let end = 0;
    const column = (name: string) =>
      Uint32Array.from(found, ({ pairs }) => pairs.find((pair) => this.pair(pair).name === name) ?? 0);
    this.#split = {
      length: found.length,
      positions: Uint32Array.from(found, ({ position }) => position),
      ends: Uint32Array.from(found, ({ pairs }) => {
        end += pairs.length;
        return end;
      }),
      pairs: Uint32Array.from(found.flatMap(({ pairs }) => pairs)),
      names: column("__name__"),
      jobs: column("job"),
      instances: column("instance"),
      numbers: new Uint32Array(found.length).fill(NONE),
    };
    return this.#split;
  }

  pair(number: number): LabelPair {
    return this.#pairs.pair(number);
  }

  rememberSplit(owner: number): readonly number[] {
    const { positions, numbers } = this.#split!;
    const notKept: number[] = [];
    const { entries } = this.#scan!;
    for (const [i, number] of numbers.entries()) {
      if (number === NONE) continue;
      const position = positions[i]!;
      const index = this.find(position, owner) ?? number;
      if (index !== number) notKept.push(number);
      else this.remember(position, owner, number);
      this.assign(position, index);
      entries[position] = { ...this.#keyedEntry(position), index } as KeyedEntry;
    }
    const given = new Set(positions.filter((_, i) => numbers[i] !== NONE));
    const rest = entries.filter(
      (entry, position) => !given.has(position) || (entry as KeyedEntry).metadataKey !== "",
    );
    entries.splice(0, entries.length, ...rest);
    return notKept;
  }

  find(position: number, owner: number): number | undefined {
    const { key } = this.#keyedEntry(position);
    return key === undefined ? undefined : this.#known.get(`${owner} ${key}`)?.index;
  }

  remember(position: number, owner: number, index: number): boolean {
    const { key, metadataKey } = this.#keyedEntry(position);
    if (key === undefined || key.length > KEY_SIZE_BYTES_MAX) return false;
    this.#known.set(`${owner} ${key}`, { index, metadataKey });
    this.#tableSizeBytes += key.length + metadataKey.length;
    return true;
  }

  acknowledgeMetadata(position: number): void {
    const { key, metadataKey } = this.#keyedEntry(position);
    this.#known.get(`${this.#scan!.options.owner} ${key}`)!.metadataKey = metadataKey;
  }

  assign(position: number, index: number): void {
    const { firstRow, rowCount } = this.#keyedEntry(position);
    this.#scan!.seriesIndexes.fill(index, firstRow, firstRow + rowCount);
  }

  columns(): RowColumns {
    const { seriesIndexes, times, bits } = this.#scan!;
    const values = new BigUint64Array(bits);
    return {
      seriesIndexes: Uint32Array.from(seriesIndexes),
      times: Float64Array.from(times),
      // The same bits: NaNs that pass as numbers may lose theirs.
      values: new Float64Array(values.buffer),
      length: times.length,
    };
  }

  #keyedEntry(position: number): KeyedEntry {
    return this.entry(position) as KeyedEntry;
  }
}

/** One body. Fields are numbered as in assembly/_write-request.ts. */
class Scan {
  readonly options: DecodeOptions;
  readonly entries: DecodedEntry[] = [];
  readonly seriesIndexes: number[] = [];
  readonly times: number[] = [];
  readonly bits: bigint[] = [];
  readonly counts: Counts = { exemplars: 0, histograms: 0, malformedSeries: 0, lostSamples: 0 };
  readonly #message: Uint8Array;
  readonly #view: DataView;
  readonly #known: ReadonlyMap<string, KnownSeries>;
  /** Of series and of samples, so that none is made for each. */
  readonly #outer: ProtobufReader;
  readonly #inner: ProtobufReader;
  #seriesNumber = 0;

  constructor(message: Uint8Array, options: DecodeOptions, known: ReadonlyMap<string, KnownSeries>) {
    this.#message = message;
    this.#view = new DataView(message.buffer, message.byteOffset, message.byteLength);
    this.#outer = new ProtobufReader(message);
    this.#inner = new ProtobufReader(message);
    this.options = options;
    this.#known = known;
  }

  scanWriteRequest(): void {
    const reader = new ProtobufReader(this.#message);
    while (reader.nextField()) {
      if (reader.isAt(1, WIRE_BYTES)) {
        const end = reader.readLength();
        this.#scanSeries(reader.position, end);
        reader.position = end;
      } else if (reader.isAt(3, WIRE_BYTES)) {
        const end = reader.readLength();
        const message = this.#message.subarray(reader.position, end);
        this.entries.push({ kind: "metadata", message, offset: reader.position });
        reader.position = end;
      } else reader.skip();
    }
  }

  scanRequest2(): void {
    const symbols = new ReferenceSymbols(this.#message, this.options.labelBytesMax);
    const reader = new ProtobufReader(this.#message);
    while (reader.nextField()) {
      if (!reader.isAt(5, WIRE_BYTES)) {
        reader.skip();
        continue;
      }
      const end = reader.readLength();
      this.#scanSeries2(reader.position, end, symbols);
      reader.position = end;
    }
  }

  #scanSeries(start: number, end: number): void {
    const number = ++this.#seriesNumber;
    const firstRow = this.times.length;
    const reader = this.#outer;
    reader.enter(start, end);
    let labelsAt = start;
    let labelsEnd = 0;
    let isScattered = false;
    for (let tagAt = reader.position; reader.nextField(); tagAt = reader.position) {
      if (reader.isAt(1, WIRE_BYTES)) {
        reader.position = reader.readLength();
        if (labelsEnd === 0) labelsAt = tagAt;
        else if (labelsEnd !== tagAt) isScattered = true;
        labelsEnd = reader.position;
      } else if (reader.isAt(2, WIRE_BYTES)) {
        const sampleEnd = reader.readLength();
        this.#scanSample(reader.position, sampleEnd);
        reader.position = sampleEnd;
      } else {
        if (reader.isAt(3, WIRE_BYTES)) this.counts.exemplars++;
        else if (reader.isAt(4, WIRE_BYTES)) this.counts.histograms++;
        reader.skip();
      }
    }
    if (this.times.length === firstRow) return;
    const labels = this.#message.subarray(labelsAt, Math.max(labelsAt, labelsEnd));
    const labelsSizeBytes = labels.length;
    const place = { kind: "series", number, firstRow, labels, labelsSizeBytes, offset: labelsAt } as const;
    this.#finishSeries({ ...place, key: isScattered ? undefined : keyOf(labels), metadataKey: "" });
  }

  #scanSample(start: number, end: number): void {
    const reader = this.#inner;
    reader.enter(start, end);
    let time = 0;
    let bits = 0n;
    while (reader.nextField()) {
      if (reader.isAt(1, WIRE_FIXED64)) bits = this.#view.getBigUint64(reader.readFixed64(), true);
      else if (reader.isAt(2, WIRE_VARINT)) time = reader.readInt64();
      else reader.skip();
    }
    this.seriesIndexes.push(NONE);
    this.times.push(time);
    this.bits.push(bits);
  }

  #scanSeries2(start: number, end: number, symbols: ReferenceSymbols): void {
    const number = ++this.#seriesNumber;
    const firstRow = this.times.length;
    const histogramsBefore = this.counts.histograms;
    const reader = this.#outer;
    reader.enter(start, end);
    symbols.beginSeries();
    while (reader.nextField()) {
      if (reader.isAt(1, WIRE_BYTES)) {
        const refsEnd = reader.readLength();
        const refs = this.#inner;
        refs.enter(reader.position, refsEnd);
        while (refs.position < refsEnd) symbols.addRef(refs.readVarint());
        reader.position = refsEnd;
      } else if (reader.isAt(1, WIRE_VARINT)) symbols.addRef(reader.readVarint());
      else if (reader.isAt(2, WIRE_BYTES)) {
        const sampleEnd = reader.readLength();
        this.#scanSample(reader.position, sampleEnd);
        reader.position = sampleEnd;
      } else if (reader.isAt(5, WIRE_BYTES)) {
        const metadataEnd = reader.readLength();
        symbols.addMetadata(reader.position, metadataEnd);
        reader.position = metadataEnd;
      } else {
        if (reader.isAt(3, WIRE_BYTES)) this.counts.histograms++;
        else if (reader.isAt(4, WIRE_BYTES)) this.counts.exemplars++;
        reader.skip();
      }
    }
    const samples = this.times.length - firstRow;
    const problem = problemOf(symbols, samples, this.counts.histograms > histogramsBefore);
    if (problem !== 0) this.#addMalformed(number, firstRow, problem);
    else if (samples > 0) {
      const labels = symbols.labels();
      const { metadata, metadataKey } = symbols.metadata();
      const labelsSizeBytes = labels.length;
      const place = { kind: "series", number, firstRow, labels, labelsSizeBytes, offset: 0 } as const;
      this.#finishSeries({ ...place, key: keyOf(labels), metadataKey, metadata });
    }
  }

  #finishSeries(
    series: Omit<KeyedEntry, "rowCount" | "index" | "metadata"> & Partial<Pick<KeyedEntry, "metadata">>,
  ): void {
    const { firstRow, key, metadataKey, metadata } = series;
    const known = key === undefined ? undefined : this.#known.get(`${this.options.owner} ${key}`);
    if (known !== undefined) {
      this.seriesIndexes.fill(known.index, firstRow);
      if (metadataKey === "" || metadataKey === known.metadataKey) return;
    }
    const entry: KeyedEntry = {
      ...series,
      rowCount: this.times.length - firstRow,
      index: known?.index,
      metadata,
    };
    this.entries.push(entry);
  }

  #addMalformed(number: number, firstRow: number, problem: number): void {
    const lostSamples = this.times.length - firstRow;
    this.seriesIndexes.length = firstRow;
    this.times.length = firstRow;
    this.bits.length = firstRow;
    this.counts.malformedSeries++;
    this.counts.lostSamples += lostSamples;
    if (this.counts.malformedSeries > MALFORMED_ENTRIES_MAX) return;
    this.entries.push({ kind: "malformed", number, reason: describeProblem(problem), lostSamples });
  }
}

function problemOf(symbols: ReferenceSymbols, samples: number, hasHistograms: boolean): number {
  if (symbols.hasBadRef) return PROBLEM_BAD_REF;
  if (symbols.refCount % 2 !== 0) return PROBLEM_ODD_REFS;
  if (samples > 0 && hasHistograms) return PROBLEM_MIXED;
  return samples === 0 && !hasHistograms ? PROBLEM_EMPTY : 0;
}

/** A character for each byte. */
function keyOf(labels: Uint8Array): string {
  return Buffer.from(labels.buffer, labels.byteOffset, labels.byteLength).toString("latin1");
}
