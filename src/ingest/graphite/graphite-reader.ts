/**
 * GraphiteReader: lines of Graphite's plaintext protocol into pushes.
 *
 *   servers.web1.cpu.load 0.25 1700000000
 *   cpu.load;host=web1;env=prod 0.25
 *
 * The path, as it is, is the metric's name, unless the first template that matches says otherwise; what stands behind
 * semicolons are labels. The time is in seconds; without it, or with `-1`, the sample is of the arrival. Lines whose
 * paths are known are read by a kernel.
 *
 * Source: Graphite documentation, "Feeding in your data" and "Graphite tag support".
 */

import { isUtf8 } from "node:buffer";
import { BODY_GRAPHITE } from "../../kernels/body-format.js";
import { MalformedInputError } from "../../model/errors.js";
import { parseFloatText } from "../../model/float-text.js";
import { Labels, METRIC_NAME } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";
import { type KnownLines, LineStream, type LineVisitor } from "../line-stream.js";
import { NO_NUMBER } from "../push/byte-keys.js";
import { KnownScan } from "../push/known-scan.js";
import type { Push } from "../push/push.js";
import { PushRows } from "../push/push-rows.js";
import { RowMemory } from "../push/row-memory.js";
import type { GraphiteTemplate } from "./graphite-template.js";

/** One stream of lines, which may be written to one push after the other. */
export class GraphiteReader implements LineVisitor, KnownLines {
  readonly #templates: readonly GraphiteTemplate[];
  readonly #lines: LineStream;
  readonly #lineSizeBytes: number;
  readonly #memory: RowMemory;
  readonly #isInKernel: boolean;
  /** Of the push that is being written to. */
  #push: Push | undefined;
  #rows: PushRows | undefined;
  #scan: KnownScan | undefined;
  /** Counted over the whole stream. */
  #number = 0;

  /** `memory` is of earlier streams with the same templates. */
  constructor(templates: readonly GraphiteTemplate[], lineSizeBytes: number, memory?: RowMemory) {
    this.#templates = templates;
    this.#lineSizeBytes = lineSizeBytes;
    this.#memory = memory ?? new RowMemory();
    this.#isInKernel = memory !== undefined;
    this.#lines = new LineStream(lineSizeBytes, this, this);
  }

  /** Whether the last line has not ended. */
  get holdsLine(): boolean {
    return this.#lines.holdsLine;
  }

  /** Reads the lines that end in this piece into `push`, which the caller commits. */
  write(piece: Uint8Array, push: Push): void {
    this.#readInto(push, () => this.#lines.write(piece));
  }

  /** Behind the last piece: the last line may lack its end. */
  end(push: Push): void {
    this.#readInto(push, () => this.#lines.end());
  }

  begin(bytes: Buffer, start: number, end: number): void {
    this.#scan!.begin(bytes, start, end, this.#rows!.owner);
  }

  read(at: number): number {
    const stop = this.#scan!.read(at);
    if (stop > at) this.#number += this.#scan!.lines;
    return stop;
  }

  line(bytes: Buffer, start: number, end: number): void {
    this.#number++;
    try {
      this.#readLine(bytes, start, end);
    } catch (error) {
      if (!(error instanceof MalformedInputError)) throw error;
      this.#push!.malformed(this.#number, error.message);
    }
  }

  longLine(): void {
    this.#number++;
    this.#push!.malformed(this.#number, `it is longer than ${this.#lineSizeBytes} bytes`);
  }

  /** Nothing is kept behind a step: of connections there may be thousands. */
  #readInto(push: Push, step: () => void): void {
    const rows = new PushRows(push, this.#memory, this.#isInKernel);
    this.#push = push;
    this.#rows = rows;
    this.#scan = new KnownScan(rows, { format: BODY_GRAPHITE, sizeMax: this.#lineSizeBytes });
    try {
      step();
      rows.stage();
    } finally {
      rows.end();
      this.#push = undefined;
      this.#rows = undefined;
      this.#scan = undefined;
    }
  }

  #readLine(bytes: Buffer, start: number, end: number): void {
    // One character for each byte.
    const line = bytes.toString("latin1", start, end).trimEnd();
    const text = line.trimStart();
    if (text === "" || text.startsWith("#")) return;
    const parts = text.split(/[ \t]+/);
    const [path, valueText, timeText] = parts as [string, string | undefined, string | undefined];
    if (valueText === undefined || parts.length > 3)
      throw new MalformedInputError("it is not PATH VALUE [TIME]");
    const value = parseFloatText(valueText);
    if (value === undefined) throw new MalformedInputError(`"${valueText.slice(0, 60)}" is no number`);
    const time = timeText === undefined ? undefined : timeOf(timeText);
    const pathStart = start + line.length - text.length;
    this.#rows!.append(this.#seriesOf(bytes, pathStart, pathStart + path.length, path), time, value);
  }

  #seriesOf(bytes: Buffer, start: number, end: number, path: string): number {
    const rows = this.#rows!;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const known = rows.find(rows.owner, view, start, end);
    if (known !== NO_NUMBER) return known;
    const number = rows.take(this.#labelsOf(path));
    rows.remember(rows.owner, view, start, end, number);
    return number;
  }

  #labelsOf(path: string): Labels {
    const bytes = Buffer.from(path, "latin1");
    if (!isUtf8(bytes)) throw new MalformedInputError("the path is not valid UTF-8");
    const [name, ...tags] = bytes.toString().split(";") as [string, ...string[]];
    if (name === "") throw new MalformedInputError("it has no path");
    const nodes = name.split(".");
    const template = this.#templates.find((candidate) => candidate.matches(nodes));
    const labels = template === undefined ? Labels.from({ [METRIC_NAME]: name }) : template.labelsOf(nodes);
    if (labels === undefined) throw new MalformedInputError("the path is too short for its template");
    return tags.length === 0 ? labels : labels.with(tagsOf(tags));
  }
}

function tagsOf(tags: readonly string[]): Readonly<Record<string, string>> {
  const labels = new Map<string, string>();
  for (const tag of tags) {
    const equals = tag.indexOf("=");
    if (equals <= 0) throw new MalformedInputError(`"${tag.slice(0, 60)}" is no tag; a tag is NAME=VALUE`);
    const name = tag.slice(0, equals);
    if (name === METRIC_NAME) throw new MalformedInputError(`a tag may not be named ${METRIC_NAME}`);
    labels.set(name, tag.slice(equals + 1));
  }
  return Object.fromEntries(labels);
}

/** Undefined for the time of the arrival. */
function timeOf(text: string): TimestampMs | undefined {
  if (text === "-1" || text === "N") return undefined;
  const seconds = parseFloatText(text);
  if (seconds === undefined || !Number.isFinite(seconds))
    throw new MalformedInputError(`"${text.slice(0, 60)}" is no time in seconds`);
  return Math.round(seconds * 1000);
}
