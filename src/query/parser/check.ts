/**
 * The types of expressions, checked; the errors are worded and placed as Prometheus does, the first one thrown.
 *
 * `checkExpression` returns the expression with the matching of its binary operators settled: none where an
 * operand is a scalar, many-to-many for set operators.
 *
 * Source: `checkAST` of Prometheus' promql/parser/parse.go.
 */

import { assert, unreachable } from "../../model/assert.js";
import { quoteText } from "../../model/labels.js";
import type {
  Aggregation,
  BinaryExpression,
  BinaryOperator,
  Call,
  Expression,
  Span,
  Subquery,
  UnaryExpression,
  ValueType,
  VectorSelector,
} from "./ast.js";
import { parseError } from "./parse-error.js";
import { isFunctionName, type Signature, signatureOf } from "./signatures.js";

/** The type of a checked expression. */
export function valueType(expression: Expression): ValueType {
  switch (expression.kind) {
    case "number":
      return "scalar";
    case "string":
      return "string";
    case "vector-selector":
    case "aggregation":
      return "vector";
    case "matrix-selector":
    case "subquery":
      return "matrix";
    case "call":
      return signatureOfCall(expression).result;
    case "binary": {
      const scalars = valueType(expression.left) === "scalar" && valueType(expression.right) === "scalar";
      return scalars ? "scalar" : "vector";
    }
    case "unary":
    case "parentheses":
      return valueType(expression.expression);
    default:
      return unreachable(expression);
  }
}

/** `text` is what was parsed, for the places of errors. */
export function checkExpression(expression: Expression, text: string): Expression {
  return new Checker(text).check(expression).expression;
}

interface Checked<Node extends Expression = Expression> {
  readonly expression: Node;
  readonly type: ValueType;
}

const documentedTypes: Readonly<Record<ValueType, string>> = {
  scalar: "scalar",
  vector: "instant vector",
  matrix: "range vector",
  string: "string",
};

class Checker {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  check(expression: Expression): Checked {
    switch (expression.kind) {
      case "number":
        return { expression, type: "scalar" };
      case "string":
        return { expression, type: "string" };
      case "vector-selector":
        this.#checkMatchers(expression);
        return { expression, type: "vector" };
      case "matrix-selector":
        this.#checkMatchers(expression.selector);
        return { expression, type: "matrix" };
      case "subquery":
        return this.#checkSubquery(expression);
      case "aggregation":
        return this.#checkAggregation(expression);
      case "call":
        return this.#checkCall(expression);
      case "binary":
        return this.#checkBinary(expression);
      case "unary":
        return this.#checkUnary(expression);
      case "parentheses": {
        const inner = this.check(expression.expression);
        return { expression: { ...expression, expression: inner.expression }, type: inner.type };
      }
      default:
        return unreachable(expression);
    }
  }

  /** Against selecting every series by a slip. */
  #checkMatchers(selector: VectorSelector): void {
    if (selector.name === "" && selector.matchers.every((matcher) => matcher.matches("")))
      this.#fail(selector.span, "vector selector must contain at least one non-empty matcher");
  }

  #checkSubquery(subquery: Subquery): Checked {
    const inner = this.check(subquery.expression);
    if (inner.type !== "vector")
      this.#fail(subquery.span, `subquery is only allowed on instant vector, got ${inner.type} instead`);
    return { expression: { ...subquery, expression: inner.expression }, type: "matrix" };
  }

  #checkUnary(unary: UnaryExpression): Checked {
    const { expression, type } = this.check(unary.expression);
    if (type !== "scalar" && type !== "vector") {
      const allowed = "unary expression only allowed on expressions of type scalar or instant vector";
      this.#fail(unary.span, `${allowed}, got "${documentedTypes[type]}"`);
    }
    return { expression: { ...unary, expression }, type };
  }

  #checkAggregation(aggregation: Aggregation): Checked {
    const expression = this.#expect(aggregation.expression, "vector", "aggregation expression");
    const wanted = aggregation.operator === "count_values" ? "string" : "scalar";
    const parameter =
      aggregation.parameter === null
        ? null
        : this.#expect(aggregation.parameter, wanted, "aggregation parameter");
    return { expression: { ...aggregation, expression, parameter }, type: "vector" };
  }

  #checkCall(call: Call): Checked {
    const signature = signatureOfCall(call);
    this.#checkCount(call, signature);
    const info = call.function === "info";
    if (info && call.arguments.length > 1) this.#checkInfoLabels(call, call.arguments[1]!);
    const context = `call to function ${quoteText(call.function)}`;
    const given = call.arguments.map((argument, i) => {
      // The labels that `info` is to add may be matched by anything.
      if (info && i === 1) return argument;
      const wanted = signature.arguments[Math.min(i, signature.arguments.length - 1)]!;
      return this.#expect(argument, wanted, context);
    });
    return { expression: { ...call, arguments: given }, type: signature.result };
  }

  #checkCount(call: Call, { argumentsMin, argumentsMax }: Signature): void {
    const count = call.arguments.length;
    if (count >= argumentsMin && count <= argumentsMax) return;
    const exact = argumentsMin === argumentsMax;
    const bound = exact ? "" : count < argumentsMin ? "at least " : "at most ";
    const wanted = count < argumentsMin ? argumentsMin : argumentsMax;
    const place = `argument(s) in call to ${quoteText(call.function)}, got ${count}`;
    this.#fail(call.span, `expected ${bound}${wanted} ${place}`);
  }

  #checkInfoLabels(call: Call, argument: Expression): void {
    if (argument.kind !== "vector-selector") {
      const { type } = this.check(argument);
      if (type !== "vector") this.#fail(call.span, typeFault("vector", 'call to function "info"', type));
      this.#fail(argument.span, "expected label selectors only");
    } else if (argument.name !== "" && this.#text[argument.span.start] !== "{") {
      // A name in braces is a matcher among others; one before them asks for a metric.
      this.#fail(argument.span, "expected label selectors only, got vector selector instead");
    }
  }

  #checkBinary(binary: BinaryExpression): Checked {
    const left = this.check(binary.left);
    const right = this.check(binary.right);
    const scalars = left.type === "scalar" && right.type === "scalar";
    if (binary.bool && !isComparison(binary.operator))
      this.#fail(this.#operatorSpan(binary), "bool modifier can only be used on comparison operators");
    if (isComparison(binary.operator) && !binary.bool && scalars)
      this.#fail(this.#operatorSpan(binary), "comparisons between scalars must use BOOL modifier");
    const shared = binary.matching?.labels.find((label) => binary.matching?.include.includes(label));
    if (binary.matching?.on && shared !== undefined) {
      const message = `label ${quoteText(shared)} must not occur in ON and GROUP clause at once`;
      this.#fail(this.#operatorSpan(binary), message);
    }
    for (const { type, expression } of [left, right]) {
      if (type !== "scalar" && type !== "vector")
        this.#fail(expression.span, "binary expression must contain only scalar and instant vector types");
    }
    const expression = {
      ...binary,
      left: left.expression,
      right: right.expression,
      matching: this.#settleMatching(binary, left.type === "vector" && right.type === "vector"),
    };
    return { expression, type: scalars ? "scalar" : "vector" };
  }

  #settleMatching(binary: BinaryExpression, vectors: boolean): BinaryExpression["matching"] {
    const { matching, operator, span } = binary;
    const fill = matching !== null && (matching.fillLeft !== null || matching.fillRight !== null);
    if (!vectors) {
      if (matching !== null && matching.labels.length > 0)
        this.#fail(span, "vector matching only allowed between instant vectors");
      if (fill) this.#fail(span, "filling in missing series only allowed between instant vectors");
      if (isSetOperator(operator))
        this.#fail(span, `set operator "${operator}" not allowed in binary scalar expression`);
      return null;
    }
    if (matching === null || !isSetOperator(operator)) return matching;
    if (matching.cardinality !== "one-to-one" && matching.cardinality !== "many-to-many")
      this.#fail(span, `no grouping allowed for "${operator}" operation`);
    if (fill) this.#fail(span, "filling in missing series not allowed for set operators");
    return { ...matching, cardinality: "many-to-many" };
  }

  #expect(expression: Expression, wanted: ValueType, context: string): Expression {
    const checked = this.check(expression);
    if (checked.type !== wanted) this.#fail(expression.span, typeFault(wanted, context, checked.type));
    return checked.expression;
  }

  /** The operator with its modifiers, without the blanks around. */
  #operatorSpan(binary: BinaryExpression): Span {
    const between = this.#text.slice(binary.left.span.end, binary.right.span.start);
    const start = binary.left.span.end + (between.length - between.trimStart().length);
    return { start, end: start + between.trim().length };
  }

  #fail(span: Span, message: string): never {
    throw parseError(this.#text, { message, span });
  }
}

function typeFault(wanted: ValueType, context: string, given: ValueType): string {
  return `expected type ${documentedTypes[wanted]} in ${context}, got ${documentedTypes[given]}`;
}

export function isComparison(operator: BinaryOperator): boolean {
  return ["==", "!=", ">", "<", ">=", "<="].includes(operator);
}

export function isSetOperator(operator: BinaryOperator): boolean {
  return operator === "and" || operator === "or" || operator === "unless";
}

function signatureOfCall(call: Call): Signature {
  assert(isFunctionName(call.function), "only functions of the table are called");
  return signatureOf(call.function);
}
