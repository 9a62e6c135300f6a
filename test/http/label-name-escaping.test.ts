import { describe, expect, it } from "vitest";
import { unescapeLabelName } from "../../src/http/label-name-escaping.js";

describe("label names in paths", () => {
  it.each([
    ["job", "job"],
    ["na me", "na me"],
    ["U__na_20_me", "na me"],
    ["U__a__b", "a_b"],
    ["U___1f600_", "😀"],
    ["U__http_2e_status", "http.status"],
    ["U__", ""],
  ])("%s means %s", (text, name) => expect(unescapeLabelName(text)).toBe(name));

  it.each(["U__a_", "U__a_zz_", "U__a_110000_", "U__a_20", "U__a_1234567_"])(
    "%s is not well escaped and stands for itself",
    (text) => expect(unescapeLabelName(text)).toBe(text),
  );
});
