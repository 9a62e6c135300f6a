/**
 * readProtobufPage: a page in the delimited protobuf format, as `readPage` gives pages of text: a series is known by its
 * labels, written as a line would have them.
 */

import { NONE } from "../../kernels/exposition-format.js";
import { type Labels, METRIC_NAME } from "../../model/labels.js";
import { defaultIngestLimits } from "../limits.js";
import { addSeries, type PageReading } from "./page-reader.js";
import { parseProtobufExposition } from "./protobuf-exposition.js";

interface HeldSample {
  readonly labels: Labels;
  readonly emptyLabels: readonly string[];
  readonly value: number;
  readonly time: number;
}

/** Throws MalformedInputError, and LimitExceededError when there is no room; what came before counts as in `readPage`. */
export function readProtobufPage(bytes: Uint8Array, { kernel, visitor }: Omit<PageReading, "format">): void {
  const { lineSizeBytes } = defaultIngestLimits;
  const options = { isOpenMetrics: false, readComments: false, lineSizeMax: lineSizeBytes };
  const samples: HeldSample[] = [];
  let hasRefused = false;
  const failure = failureOf(() =>
    parseProtobufExposition(bytes, {
      ...(visitor.type && { type: visitor.type }),
      ...(visitor.help && { help: visitor.help }),
      refused: () => {
        hasRefused = true;
      },
      sample: (series, value, time) =>
        samples.push({
          ...{ labels: series.labels(), emptyLabels: series.emptyLabels() },
          ...{ value, time: time ?? Number.NaN },
        }),
    }),
  );
  const texts = samples.map((sample) => Buffer.from(seriesText(sample)));
  const text = Buffer.concat(texts);
  kernel.input(text.length).set(text);
  kernel.begin(text.length, options);
  let start = 0;
  for (const [i, { labels, emptyLabels, value, time }] of samples.entries()) {
    const sizeBytes = texts[i]!.length;
    let entry = kernel.find(start, sizeBytes);
    if (entry === NONE) {
      const series = { labels: () => labels, emptyLabels: () => emptyLabels };
      entry = addSeries(kernel, visitor, { series, start, sizeBytes });
    }
    kernel.addRow(entry, value, time);
    start += sizeBytes;
  }
  if (hasRefused) visitor.refused?.();
  if (failure !== undefined) throw failure;
}

function failureOf(read: () => void): unknown {
  try {
    read();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** `{"name","a"="b"}`, which needs no knowledge of names. */
function seriesText({ labels, emptyLabels }: HeldSample): string {
  const pairs = Array.from(labels, ([name, value]) =>
    name === METRIC_NAME ? quoted(value) : `${quoted(name)}=${quoted(value)}`,
  );
  return `{${[...pairs, ...emptyLabels.map((name) => `${quoted(name)}=""`)].join(",")}}`;
}

function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
