/**
 * Mutations of bodies: bytes changed, moved, repeated and cut, numbers and words of trouble put in, trees of JSON
 * changed at a node. All by a source of random numbers, so that a seed replays them.
 */

/** Numbers in [0, 1). */
export type Random = () => number;

const words = [
  ...[
    "NaN",
    "+Inf",
    "-Inf",
    "Infinity",
    "1e999",
    "-0",
    "0x1p3",
    "1_000",
    "9223372036854775808",
    "1e308",
    ".5",
    "-",
  ],
  ...[
    "null",
    "true",
    "{}",
    "[]",
    "{",
    "}",
    "[",
    "]",
    '"',
    "\\",
    "\\u0000",
    "\\ud800",
    "\u2028",
    "# EOF",
    "# TYPE a counter",
  ],
  ...[
    "__name__",
    "__proto__",
    "constructor",
    "toString",
    "le",
    "quantile",
    "=",
    ",",
    ";",
    " ",
    "\t",
    "\r",
    "\n",
    "\0",
  ],
  ...["\ufeff", "é", "1763640000000", "-9007199254740993", "1700000000", "i", "u", "t", '# {a="b"} 1'],
].map((word) => Buffer.from(word));

const bytes = [
  0x00, 0x01, 0x7f, 0x80, 0xc0, 0xc1, 0xd9, 0xdb, 0xdd, 0xdf, 0xfe, 0xff, 0x0a, 0x22, 0x5c, 0x7b,
];

/** One to four changes anywhere, some by parts of `others`. */
export function mutate(body: Buffer, others: readonly Buffer[], random: Random): Buffer {
  let changed = body;
  for (let n = 1 + below(4, random); n > 0; n--) changed = mutateOnce(changed, others, random);
  return changed;
}

export function below(end: number, random: Random): number {
  return Math.floor(random() * end);
}

export function pick<T>(list: readonly T[], random: Random): T {
  return list[below(list.length, random)]!;
}

export function randomBytes(random: Random): Buffer {
  const body = Buffer.alloc(below(200, random));
  for (let i = 0; i < body.length; i++) body[i] = random() < 0.3 ? pick(bytes, random) : below(256, random);
  return body;
}

function mutateOnce(body: Buffer, others: readonly Buffer[], random: Random): Buffer {
  const at = below(body.length + 1, random);
  const end = Math.min(body.length, at + 1 + below(random() < 0.7 ? 4 : 40, random));
  switch (below(9, random)) {
    case 0:
      return replaced(body, at, Math.min(at + 1, body.length), Buffer.from([below(256, random)]));
    case 1:
      return replaced(body, at, Math.min(at + 1, body.length), Buffer.from([pick(bytes, random)]));
    case 2: {
      const flipped = Buffer.from(body);
      if (at < body.length) flipped[at]! ^= 1 << below(8, random);
      return flipped;
    }
    case 3:
      return replaced(body, at, end, Buffer.alloc(0));
    case 4:
      return replaced(body, at, at, body.subarray(at, end));
    case 5:
      return replaced(body, at, random() < 0.5 ? at : end, pick(words, random));
    case 6:
      return body.subarray(0, at);
    case 7: {
      const other = pick(others, random);
      const from = below(other.length, random);
      return replaced(body, at, end, other.subarray(from, from + 1 + below(60, random)));
    }
    default:
      return replaced(
        body,
        at,
        at,
        Buffer.alloc(1 + below(random() < 0.9 ? 20 : 5000, random), pick(words, random)),
      );
  }
}

function replaced(body: Buffer, start: number, end: number, by: Uint8Array): Buffer {
  return Buffer.concat([body.subarray(0, start), by, body.subarray(end)]);
}

/** The text of a value of JSON with one to three nodes changed; undefined when it is none. */
export function mutateJson(text: string, random: Random): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  for (let n = 1 + below(3, random); n > 0; n--) value = mutateNode(value, random);
  return JSON.stringify(value);
}

function mutateNode(value: unknown, random: Random): unknown {
  if (typeof value !== "object" || value === null || random() < 0.15) return oddValue(value, random);
  if (Array.isArray(value)) {
    const copy = [...value];
    const at = below(copy.length + 1, random);
    if (random() < 0.2) copy.splice(at, below(3, random), ...(random() < 0.5 ? [oddValue(1, random)] : []));
    else if (at < copy.length) copy[at] = mutateNode(copy[at], random);
    return copy;
  }
  const entries = Object.entries(value);
  const at = below(entries.length + 1, random);
  const [key, inner] = entries[at] ?? ["", 0];
  if (at === entries.length) entries.push([pick(oddKeys, random), oddValue(1, random)]);
  else if (random() < 0.1) entries.splice(at, 1);
  else if (random() < 0.15) entries[at] = [pick(oddKeys, random), inner];
  else entries[at] = [key, mutateNode(inner, random)];
  return Object.fromEntries(entries);
}

const oddKeys = [
  ...[
    "",
    "__proto__",
    "toString",
    "valueOf",
    "constructor",
    "length",
    "__name__",
    "name",
    "labels",
    "value",
    "times",
  ],
  ...["values", "samples", "time", "\ud800", "a\0b", "le", "asInt", "sum", "kvlistValue"],
];

const oddValues: readonly unknown[] = [
  ...[
    null,
    true,
    0,
    -0,
    1e308,
    -1e-320,
    2 ** 53 + 2,
    1.5,
    -1,
    9e15,
    "",
    "NaN",
    "-Inf",
    "x",
    "\ud800",
    "1e5",
    [],
    {},
  ],
  ...[[null], [[]], { toString: 1 }, { toString: 1, valueOf: 1 }, { toJSON: 1 }, { length: 3 }],
  ...["2025-11-20T12:00:00Z", "99999999999999999999"],
];

function oddValue(value: unknown, random: Random): unknown {
  switch (below(20, random)) {
    case 0:
      return nested(below(2000, random));
    case 1:
      return [value];
    case 2:
      return { a: value };
    default:
      return pick(oddValues, random);
  }
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}
