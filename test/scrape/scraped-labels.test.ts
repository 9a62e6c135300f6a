import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Labels } from "../../src/model/labels.js";
import { ScrapedLabels } from "../../src/scrape/scraped-labels.js";
import { scrapeConfig } from "../support/scrape-config.js";

const names = fc.constantFrom("a", "b", "exported_a", "exported_b", "instance", "z", "\uffee", "\u{1f600}");
const labels = fc.dictionary(names, fc.constantFrom("1", "2"), { maxKeys: 6 });

describe("the labels of a scraped series", () => {
  it.each([true, false])("are its own and the target's (honor_labels: %s)", (honorLabels) => {
    fc.assert(
      fc.property(labels, labels, (own, target) => {
        const series = { __name__: "m", ...own };
        const expected: Record<string, string> = { ...target, ...series };
        if (!honorLabels)
          for (const name of Object.keys(target).sort()) {
            if (own[name] === undefined) continue;
            let renamed = `exported_${name}`;
            while (expected[renamed] !== undefined) renamed = `exported_${renamed}`;
            expected[renamed] = own[name];
            expected[name] = target[name]!;
          }
        // A target's label may have the name that one of the series is renamed to: then the order counts.
        fc.pre(!Object.keys(target).some((name) => name.startsWith("exported_")));
        const scraped = new ScrapedLabels(Labels.from(target), scrapeConfig({ honorLabels }));
        expect(scraped.of(Labels.from(series))?.key()).toBe(Labels.from(expected).key());
      }),
    );
  });
});
