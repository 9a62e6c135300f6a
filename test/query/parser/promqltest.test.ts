/**
 * Every expression of Prometheus' own test scripts parses and survives printing. Skipped where they are absent.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "../../../src/query/parser/parse.js";
import { prettyPrint } from "../../../src/query/parser/pretty-print.js";
import { print } from "../../../src/query/parser/print.js";
import { withoutSpans } from "./comparable.js";
import { everyFeature as features } from "./features.js";

const folder = fileURLToPath(new URL("../../../../shared/promqltest/", import.meta.url));
const present = existsSync(folder);
const scripts = present ? readdirSync(folder).filter((name) => name.endsWith(".test")) : [];
const evaluation =
  /^\s*eval(?:_\w+)?\s+(?:instant(?:\s+at\s+\S+)?|range\s+from\s+\S+\s+to\s+\S+\s+step\s+\S+)\s+(.*)$/;

describe.skipIf(!present)("promqltest", () => {
  it.each(scripts)("%s parses and prints", (script) => {
    for (const line of readFileSync(folder + script, "utf8").split("\n")) {
      const query = evaluation.exec(line)?.[1];
      if (query === undefined) continue;
      const tree = withoutSpans(parse(query, { features }));
      expect(withoutSpans(parse(print(parse(query, { features })), { features })), query).toEqual(tree);
      expect(withoutSpans(parse(prettyPrint(parse(query, { features })), { features })), query).toEqual(tree);
    }
  });

  it("is read at all", () => expect(scripts.length).toBeGreaterThan(10));
});
