/**
 * candidateNames: the names that a short one may stand for, by the `search` and `ndots` of resolv.conf.
 *
 * Source: resolv.conf(5).
 */

/** Without last dots, in the order in which they are to be tried. */
export function candidateNames(name: string, resolvConf: string): readonly string[] {
  if (name.endsWith(".")) return [name.slice(0, -1)];
  const { search, dots } = readResolvConf(resolvConf);
  const completed = search.map((domain) => (domain === "" ? name : `${name}.${domain}`));
  const candidates = name.split(".").length > dots ? [name, ...completed] : [...completed, name];
  return [...new Set(candidates)];
}

/** As in resolv.conf(5): the last `search` or `domain` counts. */
function readResolvConf(text: string): { search: readonly string[]; dots: number } {
  let search: readonly string[] = [];
  let dots = 1;
  for (const line of text.split("\n")) {
    const [keyword, ...words] = line.trim().split(/\s+/);
    if (keyword === "search" || keyword === "domain") search = words.map((word) => word.replace(/\.$/, ""));
    if (keyword !== "options") continue;
    const option = words.find((word) => /^ndots:\d{1,3}$/.test(word));
    if (option !== undefined) dots = Math.min(Number(option.slice("ndots:".length)), 15);
  }
  return { search, dots };
}
