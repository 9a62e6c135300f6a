/**
 * PromQL text to checked AST: lex, parse, build, check.
 *
 * The machinery (lexer, grammar) is made once, when it is first needed, and used by one parse at a time: a parse
 * is synchronous.
 */

import type { CstNode } from "chevrotain";
import type { Matcher } from "../../model/matcher.js";
import type { Expression, Span } from "./ast.js";
import { buildExpression } from "./build-ast.js";
import { BuildContext } from "./build-context.js";
import { buildSelector } from "./build-selector.js";
import { checkExpression } from "./check.js";
import { PromqlGrammar } from "./grammar.js";
import { lex } from "./lex.js";
import { type Fault, parseError } from "./parse-error.js";
import { failedAtEnd, syntaxFault } from "./syntax-error.js";
import { createLexer } from "./tokens.js";
import { findDeeperThan } from "./walk.js";

/** How deep a tree may be: `a + b + c` is three levels deep. What walks trees may rely on it. */
export const DEPTH_MAX = 1000;

export interface ParseOptions {
  /** Prometheus' names of features that are on, as `promql-experimental-functions`. Default none. */
  readonly features?: ReadonlySet<string>;
  /** Default DEPTH_MAX. */
  readonly depthMax?: number;
}

/** Throws ParseError, worded as Prometheus does, with its place. */
export function parse(text: string, options: ParseOptions = {}): Expression {
  const { features = noFeatures, depthMax = DEPTH_MAX } = options;
  const cst = parseSyntax(text, "expression");
  const expression = buildExpression(new BuildContext(text, features), cst);
  const tooDeep = findDeeperThan(expression, depthMax);
  if (tooDeep !== undefined)
    throw parseError(text, {
      message: `expression is nested deeper than ${depthMax} levels`,
      span: tooDeep.span,
    });
  return checkExpression(expression, text);
}

/** The matchers of `up{job="x"}`, as `match[]` of the HTTP API gives them. Throws ParseError. */
export function parseSelector(text: string): readonly Matcher[] {
  const cst = parseSyntax(text, "selector");
  return buildSelector(new BuildContext(text, noFeatures), cst).matchers;
}

/** Parsed queries by text, the most recently used ones kept. Parse errors are not kept. */
export class ParseCache {
  readonly #options: ParseOptions;
  readonly #entriesMax: number;
  readonly #expressions = new Map<string, Expression>();

  constructor(entriesMax: number, options: ParseOptions = {}) {
    this.#entriesMax = entriesMax;
    this.#options = options;
  }

  parse(text: string): Expression {
    const expression = this.#expressions.get(text) ?? parse(text, this.#options);
    // A Map keeps the order of insertion: what was used moves to the end, the first entry goes.
    this.#expressions.delete(text);
    this.#expressions.set(text, expression);
    if (this.#expressions.size > this.#entriesMax)
      this.#expressions.delete(this.#expressions.keys().next().value!);
    return expression;
  }
}

const noFeatures: ReadonlySet<string> = new Set();

const machinery = lazily(() => ({ lexer: createLexer(), grammar: new PromqlGrammar() }));

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function parseSyntax(text: string, rule: "expression" | "selector"): CstNode {
  const { lexer, grammar } = machinery();
  const { tokens, fault } = lex(lexer, text);
  if (tokens.length === 0 && fault === undefined) throw parseError(text, emptyFault(rule));
  grammar.input = tokens;
  const cst = rule === "expression" ? grammar.expression() : grammar.selector();
  const error = grammar.errors[0];
  // What the parser stumbles over at the end of its tokens is the lexical fault there, if there is one.
  if (error !== undefined && !(fault !== undefined && failedAtEnd(error)))
    throw parseError(text, syntaxFault(error, tokens, text));
  if (fault !== undefined) throw parseError(text, fault);
  return cst;
}

function emptyFault(rule: "expression" | "selector"): Fault {
  const span: Span = { start: 0, end: 0 };
  return {
    message: rule === "expression" ? "no expression found in input" : "unexpected end of input",
    span,
  };
}
