/**
 * DecimalScan: numbers in JSON's grammar where they stand in bytes. Most have digits that fit into a double exactly, and a
 * power of ten that does: then one division is rounded once, as parsing their text would be. The others are parsed as text.
 */

const powersOfTen = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
const exactInteger = 2 ** 53;

const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
/** Small; the bit makes a capital one. */
const E = 0x65;
const CASE_BIT = 0x20;

export class DecimalScan {
  value = 0;
  /** Behind the number. */
  end = 0;

  /** Reads the number at `start`, which ends at `limit` at the latest. Returns false where there is none. */
  read(bytes: Buffer, start: number, limit: number): boolean {
    const isNegative = bytes[start] === MINUS;
    const first = isNegative ? start + 1 : start;
    let at = first;
    let digits = 0;
    for (; at < limit && isDigit(bytes[at]!); at++) digits = digits * 10 + (bytes[at]! - ZERO);
    if (at === first || (bytes[first] === ZERO && at > first + 1)) return false;
    let fraction = 0;
    if (at < limit && bytes[at] === POINT) {
      const fractionStart = ++at;
      for (; at < limit && isDigit(bytes[at]!); at++) digits = digits * 10 + (bytes[at]! - ZERO);
      fraction = at - fractionStart;
      if (fraction === 0) return false;
    }
    let isPlain = digits < exactInteger && fraction < powersOfTen.length;
    if (at < limit && (bytes[at]! | CASE_BIT) === E) {
      const exponentStart = at + (bytes[at + 1] === 0x2b || bytes[at + 1] === MINUS ? 2 : 1);
      for (at = exponentStart; at < limit && isDigit(bytes[at]!); at++);
      if (at <= exponentStart) return false;
      isPlain = false;
    }
    this.end = at;
    const magnitude = isPlain ? digits / powersOfTen[fraction]! : Number(bytes.toString("latin1", first, at));
    this.value = isNegative ? -magnitude : magnitude;
    return true;
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
