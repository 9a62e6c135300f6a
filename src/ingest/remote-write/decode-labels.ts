/**
 * decodeLabels: the label fields of a TimeSeries that the kernel does not split (RemoteWriteKernel.labelTexts), strictly:
 * what is not acceptable is a sentence that says why.
 *
 *   Label  1: name, string    2: value, string
 *
 * Labels need not be sorted, although the specifications ask senders to: Prometheus stores what those send that do
 * not, and so do we. A label with an empty value is none.
 */

import { ProtobufReader, WIRE_BYTES } from "../../kernels/protobuf-reader.js";
import { Labels, METRIC_NAME } from "../../model/labels.js";
import { compareText } from "../../model/text-order.js";
import { describeLimit, type IngestLimits } from "../limits.js";
import { decodeText } from "./decode-text.js";

/**
 * The labels, or why they are not acceptable. Fields that are no labels are skipped. Throws MalformedInputError;
 * `offset` is where the bytes stand in the message.
 */
export function decodeLabels(bytes: Uint8Array, offset: number, limits: IngestLimits): Labels | string {
  const outer = new ProtobufReader(bytes, 0, bytes.length, offset);
  const inner = new ProtobufReader(bytes, 0, bytes.length, offset);
  const names: string[] = [];
  const values: string[] = [];
  let reason: string | undefined;
  let isSorted = true;
  let previous = "";
  let count = 0;
  // To the end even when there is a reason, since what is no message at all is refused as a whole.
  while (outer.nextField()) {
    if (!outer.isAt(1, WIRE_BYTES)) {
      outer.skip();
      continue;
    }
    const end = outer.readLength();
    inner.enter(outer.position, end);
    const label = decodeLabel(inner, limits);
    outer.position = end;
    count++;
    if (typeof label === "string") reason ??= label;
    else if (reason === undefined) {
      isSorted &&= count === 1 || compareText(previous, label.name) < 0;
      previous = label.name;
      if (label.value === "") continue;
      names.push(label.name);
      values.push(label.value);
    }
  }
  if (count > limits.labelsMax) reason ??= describeLimit("the series", count, limits, "labelsMax");
  if (reason !== undefined) return reason;
  if (!names.includes(METRIC_NAME)) return "the series has no metric name";
  return isSorted ? Labels.fromSorted(names, values) : sortLabels(names, values);
}

interface LabelPair {
  readonly name: string;
  readonly value: string;
}

function decodeLabel(reader: ProtobufReader, limits: IngestLimits): LabelPair | string {
  let name = "";
  let value = "";
  let reason: string | undefined;
  while (reader.nextField()) {
    const isName = reader.isAt(1, WIRE_BYTES);
    if (!isName && !reader.isAt(2, WIRE_BYTES)) {
      reader.skip();
      continue;
    }
    const end = reader.readLength();
    const size = end - reader.position;
    if (isName && size > limits.labelNameSizeBytes)
      reason ??= describeLimit("a label name", size, limits, "labelNameSizeBytes");
    else if (!isName && size > limits.labelValueSizeBytes)
      reason ??= describeLimit("a label value", size, limits, "labelValueSizeBytes");
    else {
      const text = decodeText(reader.bytes, reader.position, end);
      if (text === undefined) reason ??= `a label ${isName ? "name" : "value"} is not valid UTF-8`;
      else if (isName) name = text;
      else value = text;
    }
    reader.position = end;
  }
  return reason ?? (name === "" ? "a label has an empty name" : { name, value });
}

function sortLabels(names: readonly string[], values: readonly string[]): Labels | string {
  const order = names.map((_, index) => index).sort((a, b) => compareText(names[a]!, names[b]!));
  const sortedNames = order.map((index) => names[index]!);
  const repeated = sortedNames.find((name, index) => index > 0 && name === sortedNames[index - 1]);
  if (repeated !== undefined) return `the label "${repeated}" is given twice`;
  return Labels.fromSorted(
    sortedNames,
    order.map((index) => values[index]!),
  );
}
