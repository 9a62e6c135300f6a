import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config.js";

describe("the graphite section", () => {
  it("has templates, the first that matches counts", () => {
    const text = 'graphite: { templates: ["servers.* .host.name*", "name*"] }';
    const [servers] = parseConfig(text, "f").graphiteTemplates;
    expect(String(servers!.labelsOf(["servers", "web1", "load"]))).toBe('load{host="web1"}');
  });

  it("refuses a template without a name at its place", () => {
    expect(() => parseConfig("graphite:\n  templates: [host.zone]", "f")).toThrow(
      'f:2:14: graphite: the template "host.zone" has no word for the name',
    );
  });
});
