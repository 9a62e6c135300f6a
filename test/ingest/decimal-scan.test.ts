import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DecimalScan } from "../../src/ingest/decimal-scan.js";

/** What JSON says of the longest number at the start. */
function expected(text: string): { readonly value: number; readonly end: number } | undefined {
  const [found] = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/.exec(text) ?? [];
  return found === undefined ? undefined : { value: JSON.parse(found), end: found.length };
}

function scanned(text: string): { readonly value: number; readonly end: number } | undefined {
  const decimal = new DecimalScan();
  const bytes = Buffer.from(`${text} 5`);
  return decimal.read(bytes, 0, bytes.length - 2) ? { value: decimal.value, end: decimal.end } : undefined;
}

describe("DecimalScan", () => {
  it("reads any number as JSON does, to the bit", () => {
    const numbers = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
      fc.tuple(fc.maxSafeInteger(), fc.nat(30)).map(([digits, zeros]) => `${digits}.${"0".repeat(zeros)}1`),
      fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }).map(String),
      fc.constantFrom("-0", "0", "0.1e-2", "1E400", "123456789012345678", "-0.0"),
    );
    fc.assert(
      fc.property(numbers, (text) => {
        expect(scanned(text)).toEqual(expected(text));
      }),
      { numRuns: 2000 },
    );
  });

  it("ends where the grammar's number ends, or finds none", () => {
    const noise = fc.array(fc.constantFrom(..."0123.-+eE,]x"), { maxLength: 8 }).map((all) => all.join(""));
    fc.assert(
      fc.property(noise, (text) => {
        const found = scanned(text);
        // A number that the next byte spoils is no number here: "1.", "1e", "01".
        const longest = expected(text);
        if (found !== undefined) expect(found).toEqual(longest);
        else if (longest !== undefined) expect(text.slice(longest.end)).toMatch(/^[0-9.eE]/);
      }),
      { numRuns: 5000 },
    );
  });
});
