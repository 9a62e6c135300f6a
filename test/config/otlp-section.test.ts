import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config.js";

const parse = (otlp: string) => parseConfig(`otlp:\n${otlp}`, "narthex.yml");

describe("the section otlp", () => {
  it("says how names of OpenTelemetry become ours", () => {
    const { otlp, warnings } = parse(
      "  translation_strategy: NoTranslation\n  promote_resource_attributes: [host.name]\n" +
        "  keep_identifying_resource_attributes: true\n  promote_scope_metadata: true\n  convert_histograms_to_nhcb: true\n",
    );
    expect(otlp).toEqual({
      translationStrategy: "NoTranslation",
      promoteResourceAttributes: ["host.name"],
      keepIdentifyingResourceAttributes: true,
      promoteScopeMetadata: true,
    });
    expect(warnings).toEqual(["narthex.yml:6: otlp.convert_histograms_to_nhcb is not acted on yet"]);
    expect(parseConfig("", "f").otlp).toEqual({});
  });

  it.each([
    ["  translation_strategy: Escape\n", /^narthex.yml:2:\d+: otlp.translation_strategy must be one of Und/],
    ["  promote_resource_attribute: [a]\n", /did you mean "promote_resource_attributes"/],
    ["  ignore_resource_attributes: [a]\n", /needs promote_all_resource_attributes: true/],
    [
      "  promote_all_resource_attributes: true\n  promote_resource_attributes: [a]\n",
      /must not be given together with promote_all_resource_attributes/,
    ],
  ])("refuses %j", (otlp, message) => {
    expect(() => parse(otlp)).toThrow(message);
  });
});
