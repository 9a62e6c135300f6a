/**
 * How the command line fails: one line that says what is wrong, perhaps a hint, and an exit code. Never a stack.
 *
 *   1  the world: a file, a server, a directory, data
 *   2  the usage: a flag, an argument, an expression
 */

import { CommanderError } from "commander";
import { ParseError, TsdbError } from "../model/errors.js";
import { caretText, formatParseError } from "../query/parser/parse-error.js";

/** A failure that the command line itself has found. */
export class CommandError extends TsdbError {
  readonly code = "unavailable";
  readonly hint: string | undefined;
  readonly exitCode: 1 | 2;

  constructor(message: string, options: { hint?: string; exitCode?: 1 | 2; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? 1;
  }
}

export interface Failure {
  /** Without line breaks at the end; empty when it was already printed. */
  readonly text: string;
  readonly exitCode: number;
}

export function describeFailure(error: unknown): Failure {
  // Commander has printed its own message; help and version come this way too, with 0.
  if (error instanceof CommanderError) return { text: "", exitCode: error.exitCode === 0 ? 0 : 2 };
  if (error instanceof ParseError) return { text: describeParseFailure(error), exitCode: 2 };
  if (error instanceof CommandError) {
    const hint = error.hint === undefined ? "" : `\nhint: ${error.hint}`;
    return { text: `error: ${oneLine(error.message)}${hint}`, exitCode: error.exitCode };
  }
  if (error instanceof TsdbError) {
    const isUsage = error.code === "invalid-argument" || error.code === "config";
    return { text: `error: ${oneLine(error.message)}`, exitCode: isUsage ? 2 : 1 };
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { text: `error: this is a bug in narthex, please report it: ${oneLine(message)}`, exitCode: 1 };
}

/** The message, and the place in the expression. */
function describeParseFailure(error: ParseError): string {
  const place = caretText(error).replaceAll(/^/gm, "  ");
  return `error: ${oneLine(formatParseError(error))}\n${place}`;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ");
}
