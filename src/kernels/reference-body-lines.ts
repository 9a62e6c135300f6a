/**
 * The lines of the reference body kernel: of text, of the InfluxDB protocol, of Graphite, and of JSON. Each reader says
 * whether it has read the line `line`, which begins at `start`.
 */

import { type BodyScan, readJsonNumber } from "./reference-body-scan.js";
import {
  readFloat,
  readMilliseconds,
  readSeconds,
  restPattern,
  seriesPattern,
  strictRestPattern,
} from "./reference-exposition-kernel.js";

/** `blanks` stand before the series. */
export function readTextSample(
  scan: BodyScan,
  line: string,
  start: number,
  blanks: number,
  isStrict: boolean,
): boolean {
  const series = seriesPattern.exec(line.slice(blanks))?.[0] ?? "";
  const seriesEnd = blanks + series.length;
  const between = /^[ \t]*/.exec(line.slice(seriesEnd))![0];
  if (series === "" || between === "" || (isStrict && between !== " ")) return false;
  const number = scan.keyAt(scan.reading.owner + scan.kind, start + blanks, start + seriesEnd);
  const rest = (isStrict ? strictRestPattern : restPattern).exec(line.slice(seriesEnd + between.length));
  if (number === undefined || rest === null) return false;
  const value = readFloat(rest[1]!);
  const time = rest[3] === undefined ? Number.NaN : (isStrict ? readSeconds : readMilliseconds)(rest[3]);
  if (value === undefined || time === undefined) return false;
  scan.addRow(number, time, value);
  return true;
}

export function readInfluxLine(scan: BodyScan, line: string, start: number): boolean {
  const { owner, digitsCut, timeScale } = scan.reading;
  const parts = /^( *)((?:\\.|[^\\ ])+) /s.exec(line);
  if (parts === null) return false;
  const headStart = parts[1]!.length;
  const headEnd = headStart + parts[2]!.length;
  const names = scan.keyAt(owner, start + headStart, start + headEnd);
  if (names === undefined) return false;
  const first = scan.rowCount;
  let at = line.length - line.slice(headEnd).replace(/^ +/, "").length;
  const field = /((?:\\.|[^\\=])*)=([^, \r]*)/sy;
  for (let isLast = false; !isLast; at = field.lastIndex + 1) {
    field.lastIndex = at;
    const found = field.exec(line);
    if (found === null) return false;
    const series = scan.keyAt(names, start + at, start + at + found[1]!.length);
    const value = influxValue(found[2]!);
    if (series === undefined || value === undefined) return false;
    scan.addRow(series, Number.NaN, value);
    isLast = line[field.lastIndex] !== ",";
  }
  const rest = line.slice(at - 1);
  if (/^\r?$/.test(rest)) return true;
  const digits = /^ +(\d{1,19})\r?$/.exec(rest)?.[1] ?? "";
  const kept = digits.length - digitsCut;
  if (kept < 1 || kept > 15) return false;
  for (let row = first; row < scan.rowCount; row++)
    scan.setTime(row, Number(digits.slice(0, kept)) * timeScale);
  return true;
}

function influxValue(word: string): number | undefined {
  if (/^(?:t|T|true|True|TRUE)$/.test(word)) return 1;
  if (/^(?:f|F|false|False|FALSE)$/.test(word)) return 0;
  if (!/^[+-]?[\d.]/.test(word)) return undefined;
  return readFloat(/^[+-]?\d+[iu]$/.test(word) ? word.slice(0, -1) : word);
}

export function readGraphiteLine(scan: BodyScan, line: string, start: number): boolean {
  const path = /^[!-\u00ff]+(?=[ \t])/.exec(line)?.[0] ?? "";
  const number = path === "" ? undefined : scan.keyAt(scan.reading.owner, start, start + path.length);
  const rest = /^[ \t]+([^ \t\r]+)(?:[ \t]+(\d{1,15}))?\r?$/.exec(line.slice(path.length));
  const value = readFloat(rest?.[1] ?? "");
  if (number === undefined || rest === null || value === undefined) return false;
  scan.addRow(number, rest[2] === undefined ? Number.NaN : Number(rest[2]) * 1000, value);
  return true;
}

export function readJsonLine(scan: BodyScan, line: string, start: number): boolean {
  const metric = /^\{"metric":([^}]*\})(?=,"values":\[)/.exec(line);
  if (metric === null) return false;
  const keyStart = start + metric[0].length - metric[1]!.length;
  const number = scan.keyAt(scan.reading.owner, keyStart, start + metric[0].length);
  const columns = /^,"values":\[([^\]]*)\],"timestamps":\[([^\]]*)\]\}$/.exec(line.slice(metric[0].length));
  if (number === undefined || columns === null) return false;
  const [values, times] = [columns[1]!, columns[2]!].map((column) => column.split(",").map(readJsonNumber));
  if (values!.length !== times!.length) return false;
  for (const [i, value] of values!.entries()) {
    const time = times![i];
    if (value === undefined || time === undefined) return false;
    scan.addRow(number, time, value);
  }
  return true;
}
