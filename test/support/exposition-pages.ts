/**
 * Pages of the text formats for properties: lines as exporters write them, as nobody should, and pages that have most lines
 * in common with the page before.
 */

import fc from "fast-check";

const names = ["up", "x_total", "x_total_2", "http_bucket", "temp:celsius", "é", "9bad", ""];
const labelSets = [
  "",
  "{}",
  '{a="b"}',
  ' {a="b"}',
  '{a="b",}',
  '{le="1"}',
  '{le="1.0",a="b"}',
  '{quantile="0.50"}',
  '{a="with \\"quotes\\", \\\\ and }"}',
  '{a="ü",b=""}',
  '{"quoted name",a="1"}',
  '{a="x"',
  '{a="unclosed}',
  "{a=b}",
];
const values = [
  ..."0 -0 +1 1 15 1.5 .5 5. 1e3 1E-3 1.25e+09 123456789012345 9007199254740992 9007199254740993 -0.0001".split(
    " ",
  ),
  ..."1e22 1e23 1e-22 1e-23 0.1234567890123456789 12345678901234567890 1.7976931348623157e308 1e309 0x1p-2".split(
    " ",
  ),
  ...'NaN nan +Inf -Inf Inf inf Infinity NaNs +Infx 1_000 1.5.5 e5 . - 5x 1e 1e+ 1e1000 {a="b"} #'.split(" "),
];
const times = [
  "",
  "",
  "",
  " 1700000000000",
  " -5",
  " 0",
  " 1700000000.123",
  " 1.5",
  " 12345678901234567",
  " x",
  ' # {a="b"} 1',
];

const numberText = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...values) },
  { weight: 1, arbitrary: fc.double({ noNaN: true }).map(String) },
  { weight: 1, arbitrary: fc.stringMatching(/^[+-]?\d{0,20}\.?\d{0,8}(e[+-]?\d{1,3})?$/) },
);

const sampleLine = fc
  .tuple(
    fc.constantFrom("", "", "", " ", "\t "),
    fc.constantFrom(...names),
    fc.constantFrom(...labelSets),
    fc.constantFrom(" ", " ", "  ", "\t", ""),
    numberText,
    fc.constantFrom(...times),
    fc.constantFrom("", "", "", " ", "\r"),
  )
  .map((parts) => parts.join(""));

const plainLine = fc
  .tuple(fc.constantFrom("up", "x_total", "http_bucket"), fc.constantFrom(...labelSets.slice(0, 9)), fc.nat())
  .map(([name, labels, value]) => `${name}${labels} ${value}`);

const comment = fc.constantFrom(
  "# HELP up Whether it is.",
  "# HELP up Whether it is.\r",
  "  # TYPE http_bucket histogram",
  "# TYPE http_bucket histogram",
  "# TYPE http_bucket summary",
  "# TYPE up gauge",
  "# TYPE up nonsense",
  "# UNIT up seconds",
  "# a comment",
  "#",
  "# TYPE",
);
const others = fc.constantFrom("", " ", "\r", "# EOF", "garbage }{", '"', "\\");

const line = fc.oneof(
  { weight: 6, arbitrary: plainLine },
  { weight: 3, arbitrary: sampleLine },
  { weight: 2, arbitrary: comment },
  { weight: 1, arbitrary: others },
);

const goodLine = fc.oneof({ weight: 4, arbitrary: plainLine }, { weight: 1, arbitrary: comment });

/** Lines are kept, dropped, moved and replaced from one page to the next. */
export function pages(ending = ""): fc.Arbitrary<string[]> {
  const page = fc.tuple(
    fc.array(line, { maxLength: 12 }),
    fc.constantFrom(`\n${ending}`, ending),
    fc.array(fc.nat(30)),
  );
  return fc
    .tuple(fc.array(goodLine, { maxLength: 25 }), fc.array(page, { minLength: 1, maxLength: 6 }))
    .map(([common, several]) =>
      several.map(([own, end, places]) => {
        const lines = common.filter((_, i) => !places.includes(i));
        for (const [i, text] of own.entries()) lines.splice((places[i] ?? i) % (lines.length + 1), 0, text);
        return lines.join("\n") + end;
      }),
    );
}
