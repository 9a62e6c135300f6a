import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { guessTimeFormat } from "../../../src/ingest/csv/time-format.js";
import { TimePattern } from "../../../src/ingest/csv/time-pattern.js";
import { InvalidArgumentError } from "../../../src/model/errors.js";

const time = fc.integer({ min: Date.UTC(1000, 0, 1), max: Date.UTC(9999, 11, 31, 23, 59, 59, 999) });
const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** How a time is written by each pattern, and to how many milliseconds it is exact. */
const writers: readonly [pattern: string, exactToMs: number, write: (date: Date, iso: string) => string][] = [
  ["yyyy-MM-dd'T'HH:mm:ss.SSSX", 1, (_, iso) => iso],
  ["yyyyMMddHHmmssSSS", 1, (_, iso) => iso.replace(/\D/g, "")],
  ["yyyy-MM-dd HH:mm[:ss[.SSS]]", 60_000, (_, iso) => iso.slice(0, 16).replace("T", " ")],
  [
    "d.M.yyyy",
    86_400_000,
    (date) => `${date.getUTCDate()}.${date.getUTCMonth() + 1}.${date.getUTCFullYear()}`,
  ],
  [
    "MMM d yyyy h a",
    3_600_000,
    (date) => {
      const hour = date.getUTCHours();
      const day = `${months[date.getUTCMonth()]} ${date.getUTCDate()} ${date.getUTCFullYear()}`;
      return `${day} ${hour % 12 === 0 ? 12 : hour % 12} ${hour < 12 ? "AM" : "pm"}`;
    },
  ],
];

describe("TimePattern", () => {
  it.each(writers)("reads back what is written as %s", (pattern, exactToMs, write) => {
    const compiled = new TimePattern(pattern, 0);
    fc.assert(
      fc.property(time, (ms) => {
        const date = new Date(ms);
        expect(compiled.parse(write(date, date.toISOString()))).toBe(Math.floor(ms / exactToMs) * exactToMs);
      }),
    );
  });

  it("gives every hostile pattern and text an integer, undefined or a clear refusal", () => {
    const letter = fc.constantFrom(..."yMdHhmsSaEX'[] -:/,.T0129ÄZ");
    fc.assert(
      fc.property(fc.string({ unit: letter }), fc.string({ unit: letter }), (pattern, text) => {
        try {
          const parsed = new TimePattern(pattern, 0).parse(text);
          expect(parsed === undefined || Number.isInteger(parsed)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidArgumentError);
        }
      }),
      { numRuns: 1000 },
    );
    expect(() => new TimePattern("[".repeat(10_000), 0)).toThrow(/longer than 200/);
  });
});

describe("guessTimeFormat", () => {
  it("reads the cells it was guessed from, or says that they are ambiguous", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...writers),
        fc.array(time, { minLength: 1, maxLength: 20 }),
        (writer, times) => {
          const [pattern, exactToMs, write] = writer;
          if (pattern.startsWith("yyyyMMddHH") || pattern.endsWith("h a")) return;
          const cells = times.map((ms) => write(new Date(ms), new Date(ms).toISOString()));
          const guess = guessTimeFormat(cells, 0);
          expect(guess?.kind).toBe("format");
          if (guess?.kind !== "format") return;
          expect(cells.map((cell) => guess.format.parse(cell))).toEqual(
            times.map((ms) => Math.floor(ms / exactToMs) * exactToMs),
          );
        },
      ),
    );
  });

  it("knows nothing about text, small numbers and no cells", () => {
    for (const cells of [["hello"], ["1", "2", "3"], ["12.5"], [], ["2020-01-01", "x", "y"]])
      expect(guessTimeFormat(cells, 0)).toBeUndefined();
  });
});
