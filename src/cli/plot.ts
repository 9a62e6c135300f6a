/**
 * Plots a range of samples in the terminal, with axes, a colour per series and a legend.
 *
 * Each character is a Braille pattern of 2 by 4 dots, so that a line of 100 characters shows 200 times. Samples
 * that are neighbours on the grid are joined; a gap in the data is a gap in the line (which asciichart, the
 * usual library, cannot draw).
 */

import type { MatrixResult } from "../api.js";
import { formatFloat } from "../model/float-text.js";
import { formatRfc3339 } from "../model/rfc3339.js";
import type { TimestampMs } from "../model/sample.js";
import { niceTicks } from "./nice-ticks.js";
import type { Terminal } from "./terminal.js";

type Series = MatrixResult["series"][number];

const ROWS = 16;
const SERIES_MAX = 12;
const DOTS_X = 2;
const DOTS_Y = 4;
/** The bit of each dot in a Braille character, by row and column. */
const brailleBits = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;
const brailleStart = 0x2800;
/** SGR codes: cyan, yellow, magenta, green, red, blue, then the same in bright. */
const colours = [36, 33, 35, 32, 31, 34, 96, 93, 95, 92, 91, 94];

/** The steps of the query that gave the result. */
export interface PlotGrid {
  readonly start: TimestampMs;
  readonly end: TimestampMs;
  readonly step: number;
}

export function plotMatrix(
  result: MatrixResult,
  grid: PlotGrid,
  terminal: Pick<Terminal, "width" | "hasColours">,
): string {
  const shown = result.series.slice(0, SERIES_MAX);
  const bounds = boundsOf(shown);
  if (bounds === undefined) return "no result";
  const ticks = niceTicks(bounds.minValue, bounds.maxValue, 5);
  const tickLabels = ticks.map(formatFloat);
  const margin = Math.max(...tickLabels.map((label) => label.length));
  const columns = Math.max(20, Math.min(terminal.width, 160) - margin - 2);
  const canvas = new Canvas(columns, ROWS);
  const frame = { ...grid, minValue: ticks[0]!, maxValue: ticks.at(-1)! };
  for (const [i, series] of shown.entries()) drawSeries(canvas, series, frame, i);
  const paint = (text: string, index: number) =>
    terminal.hasColours ? `\u001b[${colours[index % colours.length]}m${text}\u001b[39m` : text;
  return [
    ...plotLines(canvas, tickLabels, margin, paint),
    ...timeAxis(frame, columns, margin),
    "",
    ...shown.map(({ labels }, i) => `${" ".repeat(margin + 2)}${paint("━━", i)} ${labels}`),
    ...(result.series.length > SERIES_MAX ? [`and ${result.series.length - SERIES_MAX} more series`] : []),
  ].join("\n");
}

interface ValueBounds {
  readonly minValue: number;
  readonly maxValue: number;
}

type Frame = PlotGrid & ValueBounds;

/** NaN and infinities are not, nor values whose differences would overflow. */
function isDrawable(value: number): boolean {
  return Math.abs(value) < 1e300;
}

/** Of the drawable values; undefined when there are none. */
function boundsOf(series: readonly Series[]): ValueBounds | undefined {
  let [minValue, maxValue] = [Infinity, -Infinity];
  for (const { values } of series) {
    for (const value of values) {
      if (!isDrawable(value)) continue;
      minValue = Math.min(minValue, value);
      maxValue = Math.max(maxValue, value);
    }
  }
  return minValue === Infinity ? undefined : { minValue, maxValue };
}

/** Dots of all series, and which series drew last in each character. */
class Canvas {
  readonly columns: number;
  readonly rows: number;
  readonly #bits: Uint8Array;
  readonly #owners: Uint8Array;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
    this.#bits = new Uint8Array(columns * rows);
    this.#owners = new Uint8Array(columns * rows);
  }

  dot(x: number, y: number, owner: number): void {
    const cell = Math.floor(y / DOTS_Y) * this.columns + Math.floor(x / DOTS_X);
    this.#bits[cell]! |= brailleBits[y % DOTS_Y]![x % DOTS_X]!;
    this.#owners[cell] = owner;
  }

  line(row: number, paint: (text: string, owner: number) => string): string {
    let text = "";
    for (let column = 0; column < this.columns; column++) {
      const bits = this.#bits[row * this.columns + column]!;
      const owner = this.#owners[row * this.columns + column]!;
      text += bits === 0 ? " " : paint(String.fromCharCode(brailleStart + bits), owner);
    }
    return text.trimEnd();
  }
}

function drawSeries(canvas: Canvas, { times, values }: Series, frame: Frame, owner: number): void {
  const right = canvas.columns * DOTS_X - 1;
  const bottom = canvas.rows * DOTS_Y - 1;
  const xOf = (time: number) => scale(time - frame.start, frame.end - frame.start, right);
  const yOf = (value: number) =>
    bottom - scale(value - frame.minValue, frame.maxValue - frame.minValue, bottom);
  for (let i = 0; i < times.length; i++) {
    if (!isDrawable(values[i]!)) continue;
    const [x, y] = [xOf(times[i]!), yOf(values[i]!)];
    const isJoined = i > 0 && isDrawable(values[i - 1]!) && times[i]! - times[i - 1]! <= 1.5 * frame.step;
    const [fromX, fromY] = isJoined ? [xOf(times[i - 1]!), yOf(values[i - 1]!)] : [x, y];
    const dots = Math.max(1, Math.abs(x - fromX), Math.abs(y - fromY));
    for (let dot = 0; dot <= dots; dot++) {
      const part = dot / dots;
      canvas.dot(Math.round(fromX + (x - fromX) * part), Math.round(fromY + (y - fromY) * part), owner);
    }
  }
}

function scale(amount: number, whole: number, size: number): number {
  return whole === 0 ? Math.round(size / 2) : Math.round((amount / whole) * size);
}

/** Ticks stand at equal distances from the bottom line to the top line. */
function plotLines(
  canvas: Canvas,
  tickLabels: readonly string[],
  margin: number,
  paint: (text: string, owner: number) => string,
): string[] {
  const rowLabels = new Map<number, string>();
  for (const [i, label] of tickLabels.entries())
    rowLabels.set(Math.round((canvas.rows - 1) * (1 - i / (tickLabels.length - 1))), label);
  return Array.from({ length: canvas.rows }, (_, row) => {
    const label = rowLabels.get(row);
    return `${(label ?? "").padStart(margin)} ${label === undefined ? "│" : "┤"}${canvas.line(row, paint)}`;
  });
}

/** The axis and as many times below it as fit, the first and the last always. */
function timeAxis({ start, end }: PlotGrid, columns: number, margin: number): string[] {
  const labelWidth = formatRfc3339(start).length;
  const intervals = start === end ? 0 : Math.max(1, Math.floor(columns / (labelWidth + 6)) - 1);
  let axis = "─".repeat(columns);
  let labels = "";
  for (let i = 0; i <= intervals; i++) {
    const part = intervals === 0 ? 0.5 : i / intervals;
    const column = Math.round(part * (columns - 1));
    const time = i === 0 ? start : Math.round((start + part * (end - start)) / 1000) * 1000;
    const label = formatRfc3339(time);
    const left = Math.max(0, Math.min(columns - label.length, column - Math.floor(label.length / 2)));
    axis = `${axis.slice(0, column)}┬${axis.slice(column + 1)}`;
    if (left >= labels.length) labels = labels.padEnd(left) + label;
  }
  const indent = " ".repeat(margin + 2);
  return [`${" ".repeat(margin + 1)}└${axis}`, indent + labels];
}
