/**
 * Bodies of remote write 1.0 from columns, written fast, so that a benchmark does not spend minutes on them.
 */

import { encodeSnappy } from "../../src/kernels/snappy.js";
import type { Labels } from "../../src/model/labels.js";
import type { SampleColumns } from "../../src/model/sample.js";

/** Tags of length-delimited fields 1 and 2. */
const first = 0x0a;
const second = 0x12;
/** Tags of a sample's value (a double) and time (a varint). */
const valueTag = 0x09;
const timeTag = 0x10;
/** Both tags, the double, and six bytes for a time between 1971 and 2109. */
const sampleSizeBytes = 16;

const labelsBytes = new WeakMap<Labels, Buffer>();

export function writeRequestBody(
  series: readonly { readonly labels: Labels; readonly samples: SampleColumns }[],
): Uint8Array {
  const parts = series.map(({ labels, samples }) => [encodedLabels(labels), encodedSamples(samples)]);
  return encodeSnappy(Buffer.concat(parts.flatMap((pair) => delimited(first, Buffer.concat(pair)))));
}

/** The same for each request of a series. */
function encodedLabels(labels: Labels): Buffer {
  let bytes = labelsBytes.get(labels);
  if (bytes === undefined) {
    const pairs = [...labels].map(([name, value]) => [
      ...delimited(first, Buffer.from(name)),
      ...delimited(second, Buffer.from(value)),
    ]);
    bytes = Buffer.concat(pairs.flatMap((pair) => delimited(first, Buffer.concat(pair))));
    labelsBytes.set(labels, bytes);
  }
  return bytes;
}

function encodedSamples({ times, values, length }: SampleColumns): Buffer {
  const bytes = Buffer.allocUnsafe(length * (sampleSizeBytes + 2));
  let at = 0;
  for (let i = 0; i < length; i++) {
    bytes[at++] = second;
    bytes[at++] = sampleSizeBytes;
    bytes[at++] = valueTag;
    at = bytes.writeDoubleLE(values[i]!, at);
    bytes[at++] = timeTag;
    let time = times[i]!;
    for (let k = 0; k < 5; k++) {
      bytes[at++] = (time % 128) | 0x80;
      time = Math.floor(time / 128);
    }
    bytes[at++] = time;
  }
  return bytes;
}

/** The field as its tag and length, and its bytes. */
function delimited(tag: number, bytes: Buffer): readonly Buffer[] {
  const head = [tag];
  let left = bytes.length;
  for (; left >= 128; left >>>= 7) head.push((left & 127) | 128);
  head.push(left);
  return [Buffer.from(head), bytes];
}
