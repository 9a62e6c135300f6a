/**
 * Numbers of a line that are read exactly without more than 64 bits; all others are left to who asked. What is read from
 * ends with a byte that stands in no number.
 */

/** Of the last call that did not return 0. */
export let number: f64 = 0;

const EXACT_INTEGER: u64 = 1 << 53;
const powersOfTen = memory.data<f64>([
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
  1e21, 1e22,
]);

// @ts-ignore: decorator
@inline
function powerOfTen(exponent: i32): f64 {
  return load<f64>(powersOfTen + ((<usize>exponent) << 3));
}

// @ts-ignore: decorator
@inline
function digitAt(at: usize): u32 {
  return <u32>load<u8>(at) - 0x30;
}

/**
 * A float: up to 19 digits that make an integer up to 2^53, scaled by up to 10^22: both are exact, and the result is
 * rounded once. Or NaN, +Inf, -Inf. Returns the address behind it, 0 for anything else.
 */
export function readFloat(at: usize): usize {
  const first = load<u8>(at);
  let p = first == 0x2d || first == 0x2b ? at + 1 : at;
  let mantissa: u64 = 0;
  let from = p;
  for (let digit = digitAt(p); digit <= 9; digit = digitAt(++p)) mantissa = mantissa * 10 + <u64>digit;
  let digits = p - from;
  let exponent: i32 = 0;
  if (load<u8>(p) == 0x2e) {
    from = ++p;
    for (let digit = digitAt(p); digit <= 9; digit = digitAt(++p)) mantissa = mantissa * 10 + <u64>digit;
    exponent = <i32>(from - p);
    digits += p - from;
  }
  if (digits == 0) return readWord(at);
  // With more digits the integer may have wrapped.
  if (digits > 19) return 0;
  if ((load<u8>(p) | 0x20) == 0x65) {
    p = readExponent(p + 1);
    if (p == 0) return 0;
    exponent += writtenExponent;
  }
  if (mantissa > EXACT_INTEGER || exponent < -22 || exponent > 22) return 0;
  const exact = <f64>mantissa;
  const magnitude = exponent < 0 ? exact / powerOfTen(-exponent) : exact * powerOfTen(exponent);
  number = first == 0x2d ? -magnitude : magnitude;
  return p;
}

let writtenExponent: i32 = 0;

function readExponent(at: usize): usize {
  const first = load<u8>(at);
  let p = first == 0x2d || first == 0x2b ? at + 1 : at;
  const from = p;
  let written: i32 = 0;
  for (let digit = digitAt(p); digit <= 9 && p - from < 4; digit = digitAt(++p)) written = written * 10 + <i32>digit;
  if (p == from || p - from > 3) return 0;
  writtenExponent = first == 0x2d ? -written : written;
  return p;
}

function readWord(at: usize): usize {
  const word = load<u32>(at);
  if ((word & 0xffffff) == 0x4e614e) {
    number = reinterpret<f64>(<u64>0x7ff8000000000000);
    return at + 3;
  }
  if (word >> 8 != 0x666e49) return 0;
  if ((word & 0xff) == 0x2b) number = f64.POSITIVE_INFINITY;
  else if ((word & 0xff) == 0x2d) number = f64.NEGATIVE_INFINITY;
  else return 0;
  return at + 4;
}

/** Milliseconds as an integer of up to 15 digits. */
export function readMilliseconds(at: usize): usize {
  const first = load<u8>(at);
  let p = first == 0x2d || first == 0x2b ? at + 1 : at;
  const from = p;
  let value: u64 = 0;
  for (let digit = digitAt(p); digit <= 9; digit = digitAt(++p)) value = value * 10 + <u64>digit;
  if (p == from || p - from > 15) return 0;
  number = first == 0x2d ? 0 - <f64>value : <f64>value;
  return p;
}

/** Seconds with up to 12 digits before a point, as milliseconds; what is finer is cut off. */
export function readSeconds(at: usize): usize {
  const first = load<u8>(at);
  let p = first == 0x2d || first == 0x2b ? at + 1 : at;
  const from = p;
  let value: u64 = 0;
  for (let digit = digitAt(p); digit <= 9; digit = digitAt(++p)) value = value * 10 + <u64>digit;
  if (p == from || p - from > 12) return 0;
  let missing = 3;
  if (load<u8>(p) == 0x2e) {
    for (let digit = digitAt(++p); digit <= 9; digit = digitAt(++p)) {
      if (missing == 0) continue;
      value = value * 10 + <u64>digit;
      missing--;
    }
  }
  for (; missing > 0; missing--) value *= 10;
  number = first == 0x2d ? 0 - <f64>value : <f64>value;
  return p;
}
