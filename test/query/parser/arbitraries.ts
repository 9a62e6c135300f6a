/**
 * Random trees as `parse` makes them: parentheses where precedence needs them, types that fit, canonical forms.
 * Spans are left out; what is compared has none.
 */

import fc from "fast-check";
import { Matcher, type MatchOperator } from "../../../src/model/matcher.js";
import { compareText } from "../../../src/model/text-order.js";
import type {
  AggregationOperator,
  AtModifier,
  BinaryOperator,
  DurationExpression,
  Expression,
  VectorSelector,
} from "../../../src/query/parser/ast.js";
import { print } from "../../../src/query/parser/print.js";
import { printMatcher } from "../../../src/query/parser/print-names.js";
import { isFunctionName, signatures } from "../../../src/query/parser/signatures.js";

const span = { start: 0, end: 0 };

const text = fc.oneof(
  fc.constantFrom("", "a", "api", 'q"\\\n', "é", "\u0001", "😀", "�", "a'b`"),
  fc.string({ unit: "grapheme", maxLength: 8 }),
);
const labelName = fc
  .oneof(fc.constantFrom("job", "by", "le", "inf", "without", "a.b", "é", "on"), text)
  .filter((name) => name !== "" && name !== "__name__");
const metricName = fc.constantFrom(
  "",
  "up",
  "job:up:sum",
  "sum",
  "offset",
  "on",
  "inf",
  "my.metric",
  "start",
  "fill",
);

const matcher = fc
  .tuple(labelName, fc.constantFrom<MatchOperator>("=", "!=", "=~", "!~"), text)
  .map(([name, operator, value]) => {
    const regexp = operator === "=~" || operator === "!~";
    return new Matcher(name, operator, regexp ? "a|b.*" : value);
  });

const milliseconds = fc.oneof(
  fc.constantFrom(1, 1000, 60_000, 129_600_000),
  fc.integer({ min: 1, max: 2 ** 41 }),
);

const at = fc.oneof<fc.Arbitrary<AtModifier | null>[]>(
  fc.constant(null),
  fc.constantFrom<AtModifier>({ kind: "start" }, { kind: "end" }),
  fc.integer({ min: -(2 ** 45), max: 2 ** 45 }).map((time) => ({ kind: "timestamp", time })),
);

const durationAtom = fc.letrec<{ atom: DurationExpression; duration: DurationExpression }>((tie) => ({
  atom: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    milliseconds.map((ms): DurationExpression => ({ kind: "duration", ms, duration: true, span })),
    fc
      .integer({ min: 1, max: 5000 })
      .map((ms): DurationExpression => ({ kind: "duration", ms, duration: false, span })),
    fc.constantFrom<DurationExpression>(
      { kind: "duration-context", source: "step", span },
      { kind: "duration-context", source: "range", span },
    ),
    tie("duration").map(
      (expression): DurationExpression => ({ kind: "duration-parentheses", expression, span }),
    ),
    fc.tuple(fc.constantFrom("min_of" as const, "max_of" as const), tie("duration"), tie("duration")).map(
      ([name, left, right]): DurationExpression => ({
        kind: "duration-call",
        function: name,
        left,
        right,
        span,
      }),
    ),
  ),
  duration: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    tie("atom"),
    fc
      .tuple(tie("atom"), fc.constantFrom("+", "-", "*", "/", "%", "^"), tie("atom"))
      .map(
        ([left, operator, right]) =>
          ({ kind: "duration-binary", operator, left, right, span }) as DurationExpression,
      ),
  ),
}));

/** A literal that stands alone counts as a duration when it is whole milliseconds. */
const range = durationAtom.duration.map((duration) =>
  duration.kind === "duration" ? { ...duration, duration: true } : duration,
);
const offset = fc.oneof(
  fc.constant(null),
  milliseconds.map((ms): DurationExpression => ({ kind: "duration", ms: -ms, duration: true, span })),
  durationAtom.atom.map((atom) => (atom.kind === "duration" ? { ...atom, duration: true } : atom)),
  durationAtom.atom
    .filter((atom) => atom.kind !== "duration")
    .map((expression): DurationExpression => ({ kind: "duration-unary", operator: "-", expression, span })),
);

const selector: fc.Arbitrary<VectorSelector> = fc
  .record({
    name: metricName,
    matchers: fc.array(matcher, { maxLength: 3 }),
    extension: fc.constantFrom(null, "anchored" as const, "smoothed" as const),
    offset,
    at,
  })
  .map(({ name, matchers, ...rest }) => {
    const named = name === "" ? [new Matcher("instance", "!=", "")] : [new Matcher("__name__", "=", name)];
    const sorted = [...matchers, ...named].sort((a, b) => compareText(printMatcher(a), printMatcher(b)));
    return { kind: "vector-selector", name, matchers: sorted, ...rest, span };
  });

const number = fc
  .oneof(fc.constantFrom(0, -0, 1, 0.1, 1e21, 1e-9, Number.NaN, Infinity), fc.double({ noNaN: false }))
  .map(
    (value): Expression => ({
      kind: "number",
      value: Number.isNaN(value) ? value : Math.abs(value),
      duration: false,
      span,
    }),
  );
const durationNumber = milliseconds.map(
  (ms): Expression => ({ kind: "number", value: ms / 1000, duration: true, span }),
);

const labels = fc.array(labelName, { maxLength: 3 });
const matrixFunctions = Object.entries(signatures)
  .filter(([, { arguments: types }]) => types.length === 1 && types[0] === "matrix")
  .map(([name]) => name);
const vectorFunctions = Object.entries(signatures)
  .filter(([, { arguments: types }]) => types.length === 1 && types[0] === "vector")
  .filter(([name]) => isFunctionName(name) && signatures[name].result === "vector")
  .map(([name]) => name);

export const randomExpression = fc.letrec<{ scalar: Expression; vector: Expression }>((tie) => ({
  scalar: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    number,
    durationNumber,
    tie("vector").map((inner) => call("scalar", [inner])),
    fc.constant(call("time", [])),
    fc
      .tuple(
        tie("scalar"),
        fc.constantFrom<BinaryOperator>("+", "-", "*", "/", "%", "^", "atan2"),
        tie("scalar"),
      )
      .map(([left, operator, right]) => binary(operator, left, right, false, null)),
  ),
  vector: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    selector,
    fc.tuple(fc.constantFrom(...vectorFunctions), tie("vector")).map(([name, inner]) => call(name, [inner])),
    fc
      .tuple(fc.constantFrom(...matrixFunctions), selector, range)
      .map(([name, inner, window]) =>
        call(name, [{ kind: "matrix-selector", selector: inner, range: window, span }]),
      ),
    fc
      .tuple(fc.constantFrom(...matrixFunctions), tie("vector"), range, fc.option(range), offset, at)
      .map(([name, inner, window, step, shift, time]) =>
        call(name, [
          {
            kind: "subquery",
            expression: operand(inner),
            range: window,
            step,
            offset: shift,
            at: time,
            span,
          },
        ]),
      ),
    fc.tuple(fc.constantFrom<AggregationOperator>("sum", "group"), tie("vector"), labels, fc.boolean()).map(
      ([operator, expression, grouping, without]): Expression => ({
        kind: "aggregation",
        operator,
        expression,
        parameter: null,
        grouping,
        without,
        span,
      }),
    ),
    fc.tuple(tie("scalar"), tie("vector"), labels).map(
      ([parameter, expression, grouping]): Expression => ({
        kind: "aggregation",
        operator: "topk",
        expression,
        parameter,
        grouping,
        without: false,
        span,
      }),
    ),
    tie("vector").map(
      (inner): Expression => ({ kind: "unary", operator: "-", expression: operand(inner), span }),
    ),
    vectorPair(tie),
    fc
      .tuple(
        tie("vector"),
        fc.constantFrom<BinaryOperator>("==", ">", "</", ">/"),
        tie("scalar"),
        fc.boolean(),
      )
      .map(([left, operator, right, bool]) =>
        binary(operator, left, right, bool && !operator.includes("/"), null),
      ),
  ),
}));

function vectorPair(tie: (name: "vector") => fc.Arbitrary<Expression>): fc.Arbitrary<Expression> {
  const fill = fc.option(fc.constantFrom(0, -1, 2.5, Infinity));
  const cardinality = fc.constantFrom("one-to-one" as const, "many-to-one" as const, "one-to-many" as const);
  const operator = fc.constantFrom<BinaryOperator>("+", "^", "<=", "and", "or", "unless", "atan2");
  return fc
    .tuple(tie("vector"), operator, tie("vector"), cardinality, fc.boolean(), labels, labels, fill, fill)
    .map(([left, sign, right, kind, on, names, include, fillLeft, fillRight]) => {
      const set = sign === "and" || sign === "or" || sign === "unless";
      const grouped = kind !== "one-to-one" && !set;
      return binary(sign, left, right, sign === "<=", {
        cardinality: set ? "many-to-many" : kind,
        on,
        labels: names,
        include: grouped ? include.filter((name) => !names.includes(name)) : [],
        fillLeft: set ? null : fillLeft,
        fillRight: set ? null : fillRight,
      });
    });
}

function binary(
  operator: BinaryOperator,
  left: Expression,
  right: Expression,
  bool: boolean,
  matching: Extract<Expression, { kind: "binary" }>["matching"],
): Expression {
  return { kind: "binary", operator, left: operand(left), right: operand(right), bool, matching, span };
}

function call(name: string, given: readonly Expression[]): Expression {
  return { kind: "call", function: name, arguments: given, span };
}

/** In parentheses unless it binds more tightly than any operator. */
function operand(expression: Expression): Expression {
  const bound = expression.kind !== "binary" && expression.kind !== "unary";
  const unmodified = !print(expression).includes(" offset ") && !print(expression).includes(" @ ");
  return bound && unmodified ? expression : { kind: "parentheses", expression, span };
}
