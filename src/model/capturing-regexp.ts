/**
 * CapturingRegExp: a regular expression whose groups fill a template. RE2 syntax, linear time, matched against the
 * whole value; `.` matches a newline too.
 *
 * In a template `$1`, `${1}`, `$name` and `${name}` stand for groups and `$$` for a dollar sign; a group that does
 * not exist stands for nothing. `$1x` names the group `1x`: the longest name is taken. So does `$01`: only a number
 * without leading zeros counts groups.
 *
 * Source: Go `regexp.Expand`, as Prometheus uses it in `label_replace` and relabelling.
 */

import { RE2JS } from "re2js";
import { InvalidArgumentError } from "./errors.js";

export class CapturingRegExp {
  readonly #pattern: RE2JS;

  /** Throws InvalidArgumentError. */
  constructor(source: string) {
    try {
      this.#pattern = RE2JS.compile(`^(?s:${source})$`);
    } catch (cause) {
      throw new InvalidArgumentError(cause instanceof Error ? cause.message : String(cause), { cause });
    }
  }

  /**
   * The template filled from the groups of a match; undefined when the value does not match. Not much longer than
   * `lengthMax`: once it is passed, groups stand for nothing, so that a short template cannot fill the memory.
   */
  expand(value: string, template: string, lengthMax = Number.POSITIVE_INFINITY): string | undefined {
    const matcher = this.#pattern.matcher(value);
    if (!matcher.matches()) return undefined;
    const groups = this.#pattern.namedGroups();
    let length = 0;
    return template.replace(references, (reference, braced?: string, bare?: string) => {
      if (reference === "$$") return "$";
      const name = braced ?? bare!;
      const index = /^(?:0|[1-9]\d*)$/.test(name) ? Number(name) : groups[name];
      if (index === undefined || index > matcher.groupCount() || length > lengthMax) return "";
      const group = matcher.group(index) ?? "";
      length += group.length;
      return group;
    });
  }
}

/** Names are of letters, digits and underscores of any script. */
const references = /\$(?:\$|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu;
