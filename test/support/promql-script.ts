/**
 * The PromQL test language, parsed: commands with their line numbers.
 *
 *   load <step> | load_with_nhcb <step>     series, one per line, from time 0
 *   clear
 *   eval instant at <time> <query>          expectations and expected series, one per line
 *   eval range from <time> to <time> step <step> <query>
 *
 * An empty line ends a command. `#` begins a comment line. The forms eval_fail, eval_warn, eval_info and
 * eval_ordered mean the same as the corresponding `expect` line.
 *
 * Source: the README of Prometheus' promqltest.
 */

import { parseDuration } from "../../src/model/duration.js";
import { parseFloatText } from "../../src/model/float-text.js";
import { parseSeriesLine, type SeriesLine, unquote } from "./promql-script-series.js";

export type Command = LoadCommand | ClearCommand | EvalCommand;

export interface LoadCommand {
  readonly kind: "load";
  readonly line: number;
  readonly stepMs: number;
  readonly series: readonly SeriesLine[];
  /** Also load what the classic histograms are as native ones with custom buckets. */
  readonly withNativeHistograms: boolean;
}

export interface ClearCommand {
  readonly kind: "clear";
  readonly line: number;
}

export type EvalTime =
  | { readonly kind: "instant"; readonly time: number }
  | { readonly kind: "range"; readonly start: number; readonly end: number; readonly stepMs: number };

export type ExpectedText = "fail" | "warn" | "info";

/** `expect warn msg: ...`; without a text, any will do. */
export interface Expectation {
  readonly type: ExpectedText;
  readonly message?: string;
  readonly pattern?: RegExp;
}

export interface EvalCommand {
  readonly kind: "eval";
  readonly line: number;
  readonly query: string;
  readonly at: EvalTime;
  readonly ordered: boolean;
  readonly expectations: readonly Expectation[];
  readonly none: ReadonlySet<"warn" | "info">;
  readonly series: readonly SeriesLine[];
  readonly scalar?: number;
  readonly text?: string;
  /** The result is a range vector with points at these times. */
  readonly rangeVector?: { readonly start: number; readonly end: number; readonly stepMs: number };
}

/** Throws SyntaxError naming the line. */
export function parseScript(text: string): readonly Command[] {
  const lines = text.split("\n").map((line) => (line.trim().startsWith("#") ? "" : line.trim()));
  const commands: Command[] = [];
  for (let at = 0; at < lines.length; at++) {
    const head = lines[at]!;
    if (head === "") continue;
    let end = at + 1;
    while (end < lines.length && lines[end] !== "") end++;
    try {
      // `clear` and `load` need no empty line before what follows `clear`.
      const body = head === "clear" ? [] : lines.slice(at + 1, end);
      commands.push(parseCommand(head, body, at + 1));
      at += body.length;
    } catch (cause) {
      throw new SyntaxError(`line ${at + 1}: ${String(cause)}`, { cause });
    }
  }
  return commands;
}

function parseCommand(head: string, body: readonly string[], line: number): Command {
  if (head === "clear") return { kind: "clear", line };
  const load = /^load(_with_nhcb)?\s+(\S+)$/.exec(head);
  if (load !== null) {
    const series = body.map((each) => {
      const parsed = parseSeriesLine(each);
      if (parsed === undefined) throw new SyntaxError(`no series: ${each}`);
      return parsed;
    });
    return {
      kind: "load",
      line,
      stepMs: duration(load[2]!),
      series,
      withNativeHistograms: load[1] !== undefined,
    };
  }
  return parseEval(head, body, line);
}

function parseEval(head: string, body: readonly string[], line: number): EvalCommand {
  const parts = /^eval(?:_(fail|warn|info|ordered))?\s+(instant|range)\s+(.*)$/.exec(head);
  if (parts === null) throw new SyntaxError(`no command: ${head}`);
  const [, suffix, kind, rest] = parts;
  const { at, query } = kind === "instant" ? parseInstant(rest!) : parseRange(rest!);
  const expected = new Expected();
  if (suffix === "ordered") expected.ordered = true;
  else if (suffix !== undefined) expected.expectations.push({ type: suffix as ExpectedText });
  for (const each of body) expected.read(each);
  return { kind: "eval", line, query, at, ...expected };
}

/** What the lines behind an `eval` add up to. */
class Expected {
  ordered = false;
  readonly expectations: Expectation[] = [];
  readonly none = new Set<"warn" | "info">();
  readonly series: SeriesLine[] = [];
  scalar?: number;
  text?: string;
  rangeVector?: { start: number; end: number; stepMs: number };

  read(line: string): void {
    const expectation = /^expect\s+(\S+)\s*(.*)$/.exec(line);
    if (expectation !== null) {
      this.#expect(expectation[1]!, expectation[2]!);
      return;
    }
    const failure = /^expected_fail_(message|regexp)\s+(.*)$/.exec(line);
    if (failure !== null) {
      this.#expectText("fail", `${failure[1] === "message" ? "msg" : "regex"}: ${failure[2]}`);
      return;
    }
    const scalar = parseFloatText(line);
    if (scalar !== undefined) {
      this.scalar = scalar;
      return;
    }
    const series = parseSeriesLine(line);
    if (series === undefined) throw new SyntaxError(`no expectation: ${line}`);
    this.series.push(series);
  }

  #expect(type: string, rest: string): void {
    switch (type) {
      case "ordered":
        this.ordered = true;
        return;
      case "no_warn":
        this.none.add("warn");
        return;
      case "no_info":
        this.none.add("info");
        return;
      case "string":
        this.text = unquote(rest);
        return;
      case "range":
        this.rangeVector = parseTimes(rest.replace(/^vector\s+/, ""));
        return;
      case "fail":
      case "warn":
      case "info":
        this.#expectText(type, rest);
        return;
      default:
        throw new SyntaxError(`no expectation: ${type}`);
    }
  }

  #expectText(type: ExpectedText, rest: string): void {
    const parts = /^(msg|regex):\s*(.*)$/.exec(rest);
    if (parts === null) this.expectations.push({ type });
    else if (parts[1] === "msg") this.expectations.push({ type, message: parts[2]! });
    else this.expectations.push({ type, pattern: new RegExp(parts[2]!) });
  }
}

function parseInstant(rest: string): { at: EvalTime; query: string } {
  const parts = /^(?:at\s+(\S+)\s+)?(.+)$/.exec(rest)!;
  return { at: { kind: "instant", time: duration(parts[1] ?? "0") }, query: parts[2]! };
}

function parseRange(rest: string): { at: EvalTime; query: string } {
  const parts = /^(from\s+\S+\s+to\s+\S+\s+step\s+\S+)\s+(.+)$/.exec(rest);
  if (parts === null) throw new SyntaxError(`no range: ${rest}`);
  return { at: { kind: "range", ...parseTimes(parts[1]!) }, query: parts[2]! };
}

function parseTimes(text: string): { start: number; end: number; stepMs: number } {
  const parts = /^from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)$/.exec(text);
  if (parts === null) throw new SyntaxError(`no range: ${text}`);
  return { start: duration(parts[1]!), end: duration(parts[2]!), stepMs: duration(parts[3]!) };
}

/** A duration, or a number of seconds; may be negative. */
function duration(text: string): number {
  const seconds = parseFloatText(text);
  if (seconds !== undefined) return Math.round(seconds * 1000);
  const ms = parseDuration(text.replace(/^-/, ""));
  if (ms === undefined) throw new SyntaxError(`no duration: ${text}`);
  return text.startsWith("-") ? -ms : ms;
}
