/**
 * What every part of the AST builder is given, and how it reads literals.
 */

import type { IToken } from "chevrotain";
import type { ParseError } from "../../model/errors.js";
import type { Span } from "./ast.js";
import { tokenSpan } from "./cst.js";
import { parseDurationLiteral, parseNumber } from "./number-literal.js";
import { parseError } from "./parse-error.js";
import { DurationToken } from "./tokens.js";

export class BuildContext {
  readonly text: string;
  readonly #features: ReadonlySet<string>;

  constructor(text: string, features: ReadonlySet<string>) {
    this.text = text;
    this.#features = features;
  }

  hasFeature(feature: string): boolean {
    return this.#features.has(feature);
  }

  /** The error to throw for what is wrong at `span`. */
  error(span: Span, message: string): ParseError {
    return parseError(this.text, { message, span });
  }

  /** The value of a number; of a duration, its seconds. */
  number(token: IToken): { readonly value: number; readonly duration: boolean } {
    if (token.tokenType === DurationToken) {
      const parsed = parseDurationLiteral(token.image);
      if (parsed.ms === undefined) throw this.error(tokenSpan(token), parsed.fault);
      return { value: parsed.ms / 1000, duration: true };
    }
    const value = parseNumber(token.image);
    if (value !== undefined) return { value, duration: false };
    const reason = `strconv.ParseFloat: parsing "${token.image}": invalid syntax`;
    throw this.error(tokenSpan(token), `error parsing number: ${reason}`);
  }
}
