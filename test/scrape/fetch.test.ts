import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config.js";
import { fetchPage } from "../../src/scrape/fetch.js";
import { FakeClock } from "../support/fake-clock.js";

describe("fetchPage", () => {
  it("says when the port is one that fetch refuses", async () => {
    const [config] = parseConfig("scrape_configs: [{job_name: a}]", "test.yml").scrapeConfigs;
    const options = { clock: new FakeClock(0), signal: new AbortController().signal };
    await expect(fetchPage("http://127.0.0.1:6000/metrics", config!, options)).rejects.toThrow(
      "port 6000 is kept for another protocol",
    );
  });
});
