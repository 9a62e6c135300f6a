/**
 * Floats as Go and Prometheus write and read them.
 *
 *   value        formatFloat   formatFloatPlain   formatFloatJson
 *   1000000      1e+06         1000000            1000000
 *   0.0000001    1e-07         0.0000001          1e-07
 *   1.5          1.5           1.5                1.5
 *   +Infinity    +Inf          +Inf               +Inf
 *
 * Source: Go `strconv.FormatFloat` with 'g' and 'f' at precision -1; Prometheus `util/jsonutil/marshal.go`.
 */

/** Shortest text that reads back the same, with an exponent below 1e-4 and from 1e+06 on: `le`, exposition. */
export function formatFloat(value: number): string {
  const special = formatSpecial(value);
  if (special !== undefined) return special;
  const { negative, digits, exponent } = decompose(value);
  const exponential = exponent < -4 || exponent >= 6;
  return sign(negative) + (exponential ? exponentForm(digits, exponent) : plainForm(digits, exponent));
}

/** Never an exponent: 'f' style, as `count_values` and PromQL text use it. */
export function formatFloatPlain(value: number): string {
  const special = formatSpecial(value);
  if (special !== undefined) return special;
  const { negative, digits, exponent } = decompose(value);
  return sign(negative) + plainForm(digits, exponent);
}

/** As the HTTP API writes sample values: plain between 1e-6 and 1e21, else with an exponent of two digits. */
export function formatFloatJson(value: number): string {
  const special = formatSpecial(value);
  if (special !== undefined) return special;
  const { negative, digits, exponent } = decompose(value);
  const magnitude = Math.abs(value);
  const exponential = magnitude !== 0 && (magnitude < 1e-6 || magnitude >= 1e21);
  return sign(negative) + (exponential ? exponentForm(digits, exponent) : plainForm(digits, exponent));
}

/**
 * Reads what Go's `strconv.ParseFloat` reads: decimal, exponent, hexadecimal with `p`, Inf, Infinity and NaN
 * in any case. Returns undefined for anything else, the empty string and surrounding blanks included.
 */
export function parseFloatText(text: string): number | undefined {
  if (decimal.test(text)) return Number(text);
  const word = special.exec(text);
  if (word !== null) {
    if (word[2]!.toLowerCase() === "nan") return word[1] === "" ? Number.NaN : undefined;
    return word[1] === "-" ? -Infinity : Infinity;
  }
  const parts = hexadecimal.exec(text);
  if (parts === null) return undefined;
  const [, minus, whole = "", fraction = "", exponent] = parts;
  if (whole + fraction === "") return undefined;
  let mantissa = 0;
  for (const digit of whole + fraction) mantissa = mantissa * 16 + Number.parseInt(digit, 16);
  const magnitude = mantissa * 2 ** (Number(exponent) - 4 * fraction.length);
  return minus === "-" ? -magnitude : magnitude;
}

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const special = /^([+-]?)(inf|infinity|nan)$/i;
const hexadecimal = /^([+-]?)0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)[pP]([+-]?\d+)$/;

function formatSpecial(value: number): string | undefined {
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : undefined;
}

interface Decimal {
  readonly negative: boolean;
  /** Significant digits without trailing zeros; "0" for zero. */
  readonly digits: string;
  /** Of the first digit: 1234 has 3. */
  readonly exponent: number;
}

function decompose(value: number): Decimal {
  const [mantissa, exponent] = Math.abs(value).toExponential().split("e") as [string, string];
  return {
    negative: value < 0 || Object.is(value, -0),
    digits: mantissa.replace(".", ""),
    exponent: Number(exponent),
  };
}

function sign(negative: boolean): string {
  return negative ? "-" : "";
}

function plainForm(digits: string, exponent: number): string {
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return digits + "0".repeat(exponent + 1 - digits.length);
  return `${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

function exponentForm(digits: string, exponent: number): string {
  const mantissa = digits.length === 1 ? digits : `${digits[0]}.${digits.slice(1)}`;
  const magnitude = Math.abs(exponent).toString().padStart(2, "0");
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${magnitude}`;
}
