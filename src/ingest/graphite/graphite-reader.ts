/**
 * GraphiteReader: lines of Graphite's plaintext protocol into pushes.
 *
 *   servers.web1.cpu.load 0.25 1700000000
 *   cpu.load;host=web1;env=prod 0.25
 *
 * The path, as it is, is the metric's name, unless the first template that matches says otherwise; what stands behind
 * semicolons are labels. The time is in seconds; without it, or with `-1`, the sample is of the arrival.
 *
 * Source: Graphite documentation, "Feeding in your data" and "Graphite tag support".
 */

import { isUtf8 } from "node:buffer";
import { MalformedInputError } from "../../model/errors.js";
import { parseFloatText } from "../../model/float-text.js";
import { Labels, METRIC_NAME } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";
import { LineStream, type LineVisitor } from "../line-stream.js";
import type { Push, PushOrigin, PushSeries } from "../push/push.js";
import type { GraphiteTemplate } from "./graphite-template.js";

/** Characters of paths that a reader remembers before it starts afresh. */
const rememberedMax = 8 * 1024 * 1024;

/** One stream of lines, which may be written to one push after the other. */
export class GraphiteReader implements LineVisitor {
  readonly #templates: readonly GraphiteTemplate[];
  readonly #lines: LineStream;
  readonly #lineSizeBytes: number;
  readonly #series = new Map<string, PushSeries>();
  #remembered = 0;
  #origin: PushOrigin | undefined;
  #push: Push | undefined;
  /** Counted over the whole stream. */
  #number = 0;

  constructor(templates: readonly GraphiteTemplate[], lineSizeBytes: number) {
    this.#templates = templates;
    this.#lineSizeBytes = lineSizeBytes;
    this.#lines = new LineStream(lineSizeBytes, this);
  }

  /** Whether the last line has not ended. */
  get holdsLine(): boolean {
    return this.#lines.holdsLine;
  }

  /** Reads the lines that end in this piece into `push`, which the caller commits. */
  write(piece: Uint8Array, push: Push): void {
    this.#enter(push);
    this.#lines.write(piece);
  }

  /** Behind the last piece: the last line may lack its end. */
  end(push: Push): void {
    this.#enter(push);
    this.#lines.end();
  }

  line(bytes: Buffer, start: number, end: number): void {
    this.#number++;
    try {
      this.#read(bytes.toString("latin1", start, end).trim());
    } catch (error) {
      if (!(error instanceof MalformedInputError)) throw error;
      this.#push!.malformed(this.#number, error.message);
    }
  }

  longLine(): void {
    this.#number++;
    this.#push!.malformed(this.#number, `it is longer than ${this.#lineSizeBytes} bytes`);
  }

  #enter(push: Push): void {
    this.#push = push;
    if (this.#origin === push.origin) return;
    this.#origin = push.origin;
    this.#forget();
  }

  /** `text` has one character per byte. */
  #read(text: string): void {
    if (text === "" || text.startsWith("#")) return;
    const parts = text.split(/[ \t]+/);
    const [path, valueText, timeText] = parts as [string, string | undefined, string | undefined];
    if (valueText === undefined || parts.length > 3)
      throw new MalformedInputError("it is not PATH VALUE [TIME]");
    const value = parseFloatText(valueText);
    if (value === undefined) throw new MalformedInputError(`"${valueText.slice(0, 60)}" is no number`);
    const time = timeText === undefined ? undefined : timeOf(timeText);
    this.#push!.append(this.#seriesOf(path), time, value);
  }

  #seriesOf(path: string): PushSeries {
    const known = this.#series.get(path);
    if (known !== undefined) return known;
    const series = this.#push!.series(this.#labelsOf(path));
    this.#remembered += path.length;
    if (this.#remembered > rememberedMax) this.#forget();
    this.#series.set(path, series);
    return series;
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

  #forget(): void {
    this.#series.clear();
    this.#remembered = 0;
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
