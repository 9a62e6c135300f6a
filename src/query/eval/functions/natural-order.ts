/**
 * Natural order of label values: runs of digits count as numbers, so that `node9` comes before `node10`.
 *
 * Source: github.com/facette/natsort, which Prometheus sorts labels with: both texts are cut into runs of digits
 * and runs of others; the first runs that differ decide, as numbers if both are, else as bytes.
 */

import { compareText } from "../../../model/text-order.js";

export function compareNatural(a: string, b: string): number {
  const x = runsOf(a);
  const y = runsOf(b);
  for (let i = 0; i < x.length; i++) {
    if (i >= y.length) return 1;
    if (x[i] === y[i]) continue;
    return compareRuns(x[i]!, y[i]!);
  }
  return x.length - y.length;
}

function runsOf(text: string): readonly string[] {
  const runs: string[] = [];
  let start = 0;
  for (let i = 1; i <= text.length; i++) {
    if (i < text.length && isDigit(text, i) === isDigit(text, start)) continue;
    runs.push(text.slice(start, i));
    start = i;
  }
  return runs;
}

function isDigit(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 0x30 && code <= 0x39;
}

function compareRuns(a: string, b: string): number {
  if (!isDigit(a, 0) || !isDigit(b, 0)) return compareText(a, b);
  const x = a.replace(/^0+(?=.)/, "");
  const y = b.replace(/^0+(?=.)/, "");
  if (x === y) return a.length - b.length;
  return x.length - y.length || compareText(x, y);
}
