/**
 * Label names in paths: `U__na_20_me` stands for `na me`, `__` for an underscore, as clients write names that are
 * not of the classic alphabet.
 *
 * Source: Prometheus `common/model/metric.go`, UnescapeName with ValueEncodingEscaping.
 */

const PREFIX = "U__";

/** The name as it is meant; a text that is not escaped, or not well, is taken as it stands. */
export function unescapeLabelName(text: string): string {
  if (!text.startsWith(PREFIX)) return text;
  const escaped = text.slice(PREFIX.length);
  let name = "";
  let i = 0;
  while (i < escaped.length) {
    if (escaped[i] !== "_") {
      name += escaped[i];
      i++;
      continue;
    }
    if (escaped[i + 1] === "_") {
      name += "_";
      i += 2;
      continue;
    }
    const end = escaped.indexOf("_", i + 1);
    const digits = end < 0 ? "" : escaped.slice(i + 1, end);
    const codePoint = /^[0-9a-fA-F]{1,6}$/.test(digits) ? Number.parseInt(digits, 16) : Infinity;
    if (codePoint > 0x10ffff) return text;
    name += String.fromCodePoint(codePoint);
    i = end + 1;
  }
  return name;
}
