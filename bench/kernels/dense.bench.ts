/**
 * Dense chunks beside XOR chunks: bytes per sample by kind of series and by samples per chunk, and what encoding
 * and decoding cost.
 */

import { columnKernel } from "../../src/kernels/column-kernel.js";
import { decodeDense, encodeDense } from "../../src/kernels/dense.js";
import { referenceDecodeDense } from "../../src/kernels/reference-dense.js";
import { referenceDecodeXor } from "../../src/kernels/reference-xor.js";
import { encodeXor } from "../../src/kernels/xor.js";
import type { SampleColumns } from "../../src/model/sample.js";
import type { EncodedChunk } from "../../src/model/series.js";
import { encodeAdaptively, encodeChunks, sliceColumns } from "../../src/storage/chunk/encode-chunks.js";
import { FLEET_SAMPLES_PER_SERIES, fleet } from "../support/fleet.js";
import { seededRandom } from "../support/sample-columns.js";
import { clockNames, kindNames, timesOf, valuesOf } from "../support/series-kinds.js";
import { type Comparison, printSideBySide } from "../support/side-by-side.js";

const seriesLength = 2880;
const seriesPerKind = 4;
const chunkLengths = [120, 240, 480, 960];
const chunkLength = 480;

function seriesOf(kind: string, clock: string): SampleColumns[] {
  return Array.from({ length: seriesPerKind }, (_, i) => {
    const random = seededRandom(i + 1);
    const times = timesOf(clock, seriesLength, random);
    return { times, values: valuesOf(kind, seriesLength, random), length: seriesLength };
  });
}

function partsOf(series: readonly SampleColumns[], length: number): SampleColumns[] {
  return series.flatMap((columns) =>
    Array.from({ length: columns.length / length }, (_, i) =>
      sliceColumns(columns, i * length, (i + 1) * length),
    ),
  );
}

function denseOf(part: SampleColumns): Uint8Array {
  const bytes = encodeDense(part, Number.POSITIVE_INFINITY);
  if (bytes === undefined) throw new TypeError("WebAssembly is missing");
  return bytes;
}

function bytesPerSample(series: readonly SampleColumns[], length: number, encode: typeof encodeXor): string {
  const sizeBytes = partsOf(series, length).reduce((sum, part) => sum + encode(part).length, 0);
  return (sizeBytes / (seriesLength * seriesPerKind)).toFixed(2);
}

function printSizes(): void {
  console.log("\nBytes per sample\n");
  console.log(`| | XOR, 120 | ${chunkLengths.map((length) => `dense, ${length}`).join(" | ")} |`);
  console.log(`|---|---:|${"---:|".repeat(chunkLengths.length)}`);
  const rows = [
    ...clockNames.map((clock) => [`constant, ${clock}`, seriesOf("constant", clock)] as const),
    ...kindNames.slice(1).map((kind) => [kind, seriesOf(kind, clockNames[1]!)] as const),
  ];
  for (const [name, series] of rows) {
    const dense = chunkLengths.map((length) => bytesPerSample(series, length, denseOf));
    console.log(`| ${name} | ${bytesPerSample(series, 120, encodeXor)} | ${dense.join(" | ")} |`);
  }
}

/** One series in forty of the fleet: the chunks' bytes, without what files add to them. */
function printFleet(): void {
  const sums = { samples: 0, xor: 0, adaptive: 0 };
  const sizeOf = (chunks: readonly EncodedChunk[]) =>
    chunks.reduce((sum, { bytes }) => sum + bytes.length, 0);
  let index = 0;
  for (const { columns } of fleet()) {
    if (index++ % 40 !== 0) continue;
    sums.samples += FLEET_SAMPLES_PER_SERIES;
    sums.xor += sizeOf(encodeChunks(columns));
    sums.adaptive += sizeOf(encodeAdaptively(columns));
  }
  const [xor, adaptive] = [sums.xor, sums.adaptive].map((sizeBytes) => (sizeBytes / sums.samples).toFixed(3));
  console.log(
    `\nThe fleet of bench/support: ${xor} bytes per sample in XOR chunks, ${adaptive} adaptively\n`,
  );
}

function compareDecoding(kind: string): Comparison {
  const series = seriesOf(kind, clockNames[1]!);
  const dense = partsOf(series, chunkLength).map(denseOf);
  const xor = partsOf(series, 120).map(encodeXor);
  const into = { times: new Float64Array(chunkLength), values: new Float64Array(chunkLength) };
  const kernel = columnKernel();
  const everything = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, true] as const;
  return {
    name: kind,
    units: seriesLength * seriesPerKind,
    forms: {
      "XOR, TypeScript": () => {
        for (const bytes of xor) referenceDecodeXor(bytes, 120, into);
      },
      "dense, TypeScript": () => {
        for (const bytes of dense) referenceDecodeDense(bytes, chunkLength, into);
      },
      "XOR, kernel": () => {
        kernel.clear();
        for (const bytes of xor) kernel.decodeXor(bytes, 120, ...everything);
      },
      "dense, kernel": () => {
        kernel.clear();
        for (const bytes of dense) kernel.decodeDense(bytes, chunkLength, ...everything);
      },
      "dense, copied out": () => {
        for (const bytes of dense) decodeDense(bytes, chunkLength, into);
      },
    },
  };
}

function compareEncoding(kind: string): Comparison {
  const series = seriesOf(kind, clockNames[1]!);
  const long = partsOf(series, chunkLength);
  const short = partsOf(series, 120);
  return {
    name: kind,
    units: seriesLength * seriesPerKind,
    forms: {
      XOR: () => {
        for (const part of short) encodeXor(part);
      },
      dense: () => {
        for (const part of long) denseOf(part);
      },
    },
  };
}

printSizes();
printFleet();
const timedKinds = [
  "constant",
  "counter, about 200 more",
  "counter with bursts",
  "gauge, 2 decimals",
  "gauge, 2 decimals, some stale",
  "gauge, any float",
  "sum of any floats",
];
await printSideBySide(
  "Decoding, XOR chunks of 120, dense ones of 480",
  "sample",
  timedKinds.map(compareDecoding),
);
await printSideBySide("Encoding", "sample", timedKinds.map(compareEncoding));
