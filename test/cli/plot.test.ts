import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MatrixResult } from "../../src/api.js";
import { plotMatrix } from "../../src/cli/plot.js";
import { Labels } from "../../src/model/labels.js";

const grid = { start: 0, end: 9 * 60_000, step: 60_000 };
const plain = { width: 60, hasColours: false };

describe("a plot", () => {
  it("draws lines with axes and a legend", () => {
    const text = plotMatrix(matrix([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), grid, plain);
    const lines = text.split("\n");
    expect(lines[0]).toMatch(/^10 ┤/);
    expect(dotCount(text)).toBeGreaterThan(50);
    expect(lines.at(-3)).toContain("1970-01-01T00:00:00Z");
    expect(lines.at(-3)).toContain("1970-01-01T00:09:00Z");
    expect(lines.at(-1)).toContain('━━ m{i="0"}');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60);
  });

  it("shows the time that was asked for, not only that of the samples", () => {
    const lines = plotMatrix(matrix([1, 2]), { ...grid, end: 3_600_000 }, plain).split("\n");
    expect(lines.at(-3)).toContain("1970-01-01T01:00:00Z");
    expect(lines.every((line) => !/[\u2801-\u28ff]/.test(line.slice(15)))).toBe(true);
  });

  it("leaves gaps where samples are missing or not finite", () => {
    const joined = dotCount(plotMatrix(matrix([1, 1, 1, 1, 1]), grid, plain));
    const notFinite = dotCount(plotMatrix(matrix([1, 1, Number.NaN, Infinity, 1]), grid, plain));
    expect(notFinite).toBeLessThan(joined / 2);
    const whole = matrix([1, 1, 1, 1, 1]).series[0]!;
    const missing = { ...whole, times: Float64Array.of(0, 60_000, 120_000, 480_000, 540_000) };
    expect(dotCount(plotMatrix({ type: "matrix", series: [missing] }, grid, plain))).toBeLessThan(joined);
  });

  it("tells series apart by colour, and names those that it leaves out", () => {
    const many = matrix(...Array.from({ length: 14 }, (_, i) => [i, i + 1]));
    const text = plotMatrix(many, grid, { width: 80, hasColours: true });
    expect(text).toContain("\u001b[36m━━\u001b[39m");
    expect(text).toContain("\u001b[33m━━\u001b[39m");
    expect(text).toContain("and 2 more series");
    expect(plotMatrix(many, grid, plain)).not.toContain("\u001b");
  });

  it("says so when there is nothing to draw", () => {
    expect(plotMatrix(matrix(), grid, plain)).toBe("no result");
    expect(plotMatrix(matrix([Number.NaN, Infinity, 1.7e308, -1.7e308]), grid, plain)).toBe("no result");
  });

  it("can draw any values, and never beyond the width", () => {
    const values = fc.array(fc.double(), { maxLength: 20 });
    fc.assert(
      fc.property(fc.array(values, { maxLength: 4 }), fc.integer({ min: 60, max: 200 }), (series, width) => {
        const text = plotMatrix(
          matrix(...series),
          { ...grid, end: 20 * 60_000 },
          { width, hasColours: false },
        );
        expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(width);
      }),
    );
  });
});

/** One series for each list of values, a minute apart. */
function matrix(...valuesOfSeries: number[][]): MatrixResult {
  const series = valuesOfSeries.map((values, i) => ({
    labels: Labels.from({ __name__: "m", i: String(i) }),
    times: Float64Array.from(values, (_, step) => step * 60_000),
    values: Float64Array.from(values),
  }));
  return { type: "matrix", series };
}

function dotCount(text: string): number {
  return [...text].filter((character) => character >= "\u2801" && character <= "\u28ff").length;
}
