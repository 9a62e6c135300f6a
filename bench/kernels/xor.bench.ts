/**
 * XOR chunks of 120 samples: encoding, decoding, and appending one by one.
 */

import { referenceDecodeXor, referenceEncodeXor } from "../../src/kernels/reference-xor.js";
import { decodeXor, encodeXor } from "../../src/kernels/xor.js";
import { XorAppender } from "../../src/kernels/xor-appender.js";
import type { SampleColumns } from "../../src/model/sample.js";
import { counter, gauge } from "../support/sample-columns.js";
import { type Comparison, printSideBySide } from "../support/side-by-side.js";

const chunkLength = 120;
const chunkCount = 100;

function chunksOf(columns: SampleColumns): SampleColumns[] {
  return Array.from({ length: chunkCount }, (_, i) => ({
    times: columns.times.slice(i * chunkLength, (i + 1) * chunkLength),
    values: columns.values.slice(i * chunkLength, (i + 1) * chunkLength),
    length: chunkLength,
  }));
}

function compareEncoding(name: string, chunks: readonly SampleColumns[]): Comparison {
  return {
    name: `encode, ${name}`,
    units: chunkLength * chunkCount,
    forms: {
      TypeScript: () => {
        for (const chunk of chunks) referenceEncodeXor(chunk);
      },
      WebAssembly: () => {
        for (const chunk of chunks) encodeXor(chunk);
      },
      appender: () => {
        for (const { times, values } of chunks) {
          const appender = new XorAppender();
          for (let i = 0; i < chunkLength; i++) appender.append(times[i]!, values, i);
        }
      },
    },
  };
}

function compareDecoding(name: string, chunks: readonly SampleColumns[]): Comparison {
  const encoded = chunks.map(encodeXor);
  const into = { times: new Float64Array(chunkLength), values: new Float64Array(chunkLength) };
  return {
    name: `decode, ${name}`,
    units: chunkLength * chunkCount,
    forms: {
      TypeScript: () => {
        for (const bytes of encoded) referenceDecodeXor(bytes, chunkLength, into);
      },
      WebAssembly: () => {
        for (const bytes of encoded) decodeXor(bytes, chunkLength, into);
      },
    },
  };
}

const counters = chunksOf(counter(chunkLength * chunkCount));
const gauges = chunksOf(gauge(chunkLength * chunkCount));
await printSideBySide("XOR encoding, chunks of 120", "sample", [
  compareEncoding("counter", counters),
  compareEncoding("gauge with 2 decimals", gauges),
]);
await printSideBySide("XOR decoding, chunks of 120", "sample", [
  compareDecoding("counter", counters),
  compareDecoding("gauge with 2 decimals", gauges),
]);
