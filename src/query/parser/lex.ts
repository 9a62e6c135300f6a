/**
 * Text to tokens, up to the first lexical fault: a character, string or number that is none, or brackets that do
 * not match. A fault is no error yet: the parser may stumble earlier over what stands before it.
 *
 * Source: the messages of Prometheus' promql/parser/lex.go, whose states are told here from the tokens.
 */

import type { IToken, Lexer } from "chevrotain";
import { quoteText } from "../../model/labels.js";
import { tokenEnd } from "./cst.js";
import { characterAt, quoteCharacter } from "./go-text.js";
import { scanNumberOrDuration } from "./number-literal.js";
import type { Fault } from "./parse-error.js";
import { scanString } from "./string-literal.js";
import * as t from "./tokens.js";

/** Parentheses may nest this deep: each level costs the parser some kilobytes of stack. */
export const PARENTHESES_DEPTH_MAX = 128;

/** A token costs the parser some microseconds, and nothing else runs meanwhile. */
export const TOKENS_MAX = 50_000;

export interface LexedText {
  /** Those before the fault. */
  readonly tokens: IToken[];
  readonly fault: Fault | undefined;
}

export function lex(lexer: Lexer, text: string): LexedText {
  const { tokens, errors } = lexer.tokenize(text);
  const scope = new Scope(text);
  for (const [i, token] of tokens.entries()) {
    if (i === TOKENS_MAX) return { tokens: [], fault: tooLong(token) };
    const fault = scope.enter(token);
    if (fault !== undefined) return { tokens: tokens.slice(0, i), fault };
  }
  const offset = errors[0]?.offset;
  return { tokens, fault: offset === undefined ? scope.end() : scope.malformed(offset) };
}

function tooLong(token: IToken): Fault {
  const span = { start: token.startOffset, end: tokenEnd(token) };
  return { message: `an expression has at most ${TOKENS_MAX} words and signs`, span };
}

/** What is open at a token: parentheses, braces, brackets. */
class Scope {
  readonly #text: string;
  #parentheses = 0;
  #braceOpen = false;
  #bracketOpen = false;
  /** Within brackets: whether anything, a number, a colon has been seen. */
  #bracketEmpty = true;
  #numberSeen = false;
  #colonSeen = false;

  constructor(text: string) {
    this.#text = text;
  }

  /** Takes note of a token; returns the fault it is, if it is one. */
  enter(token: IToken): Fault | undefined {
    const start = token.startOffset;
    switch (token.tokenType) {
      case t.LeftParen:
        this.#bracketEmpty = false;
        if (++this.#parentheses <= PARENTHESES_DEPTH_MAX) return undefined;
        return {
          message: `parentheses are nested deeper than ${PARENTHESES_DEPTH_MAX}`,
          span: { start, end: start + 1 },
        };
      case t.RightParen:
        return --this.#parentheses < 0
          ? this.#fault(start + 1, "unexpected right parenthesis ')'")
          : undefined;
      case t.LeftBrace:
        this.#braceOpen = true;
        return undefined;
      case t.RightBrace:
        this.#braceOpen = false;
        return undefined;
      case t.LeftBracket:
        if (this.#bracketOpen) return this.#fault(start, "unexpected left bracket '['");
        this.#bracketOpen = true;
        this.#bracketEmpty = true;
        this.#numberSeen = false;
        this.#colonSeen = false;
        return undefined;
      case t.RightBracket:
        this.#bracketOpen = false;
        return undefined;
      default:
        return this.#bracketOpen ? this.#enterBracketed(token) : undefined;
    }
  }

  /** The fault at the end of the text. */
  end(): Fault | undefined {
    const end = this.#text.length;
    if (this.#braceOpen) return this.#fault(end, "unexpected end of input inside braces");
    if (this.#bracketOpen && !this.#numberSeen)
      return this.#fault(end, "unexpected end of input in duration expression");
    if (this.#parentheses > 0) return this.#fault(end, "unclosed left parenthesis");
    return this.#bracketOpen ? this.#fault(end, "unclosed left bracket") : undefined;
  }

  /** The fault at an offset where no token begins. */
  malformed(offset: number): Fault {
    const character = characterAt(this.#text, offset)!;
    if (character === '"' || character === "'" || character === "`") {
      const { fault } = scanString(this.#text, offset);
      if (fault !== undefined) return this.#fault(offset, fault);
    }
    if (!this.#braceOpen && t.startsNumber(this.#text, offset)) {
      const { end } = scanNumberOrDuration(this.#text, offset);
      const read = quoteText(this.#text.slice(offset, end));
      return this.#fault(offset, `bad number or duration syntax: ${read}`);
    }
    return this.#fault(offset, this.#unexpected(character, characterAt(this.#text, offset + 1)));
  }

  #enterBracketed(token: IToken): Fault | undefined {
    const start = token.startOffset;
    if (token.tokenType === t.Colon) {
      if (this.#colonSeen) return this.#fault(start, "unexpected colon ':'");
      if (this.#bracketEmpty)
        return this.#fault(tokenEnd(token), "unexpected colon before duration in duration expression");
      this.#colonSeen = true;
    } else if (token.tokenType === t.NumberToken || token.tokenType === t.DurationToken) {
      this.#numberSeen = true;
    } else if (!t.durationWords.has(token.tokenType)) {
      const character = quoteCharacter(characterAt(this.#text, start));
      const word = /^[a-zA-Z_]/.test(token.image);
      const known = token.tokenType === t.Comma || /^[-+*/%^]$/.test(token.image);
      if (!this.#numberSeen && !known)
        return this.#fault(start, `unexpected character in duration expression: ${character}`);
      if (word) return this.#fault(start, `unexpected character: ${character}, expected ':'`);
    }
    this.#bracketEmpty = false;
    return undefined;
  }

  #unexpected(character: string, next: string | undefined): string {
    const quoted = quoteCharacter(character);
    if (this.#braceOpen) {
      if (character === "!") return `unexpected character after '!' inside braces: ${quoteCharacter(next)}`;
      if (character === "{") return `unexpected left brace ${quoted}`;
      return `unexpected character inside braces: ${quoted}`;
    }
    if (this.#bracketOpen && !this.#numberSeen)
      return `unexpected character in duration expression: ${quoted}`;
    if (character === "=" || character === "!")
      return `unexpected character after '${character}': ${quoteCharacter(next)}`;
    if (character === "]") return `unexpected right bracket ${quoted}`;
    return `unexpected character: ${quoted}`;
  }

  #fault(start: number, message: string): Fault {
    return { message, span: { start, end: Math.max(start, this.#text.length) } };
  }
}
