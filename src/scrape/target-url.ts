/**
 * targetUrl: where a target is scraped, from its labels after relabelling; written as Go writes URLs, so that it looks
 * the same in lists of targets.
 *
 * Source: Prometheus `scrape/target.go`, Target.URL; Go `net/url`, escaping of paths and queries.
 */

import type { Labels } from "../model/labels.js";
import type { ScrapeConfig } from "./scrape-config.js";

export const paramPrefix = "__param_";

/** Not checked: a scheme or address that makes no sense fails when it is scraped. */
export function targetUrl(labels: Labels, params: ScrapeConfig["params"]): string {
  const values = new Map(Object.entries(params).map(([name, list]) => [name, [...list]]));
  for (const [label, value] of labels) {
    if (!label.startsWith(paramPrefix)) continue;
    const name = label.slice(paramPrefix.length);
    values.set(name, [value, ...(values.get(name) ?? []).slice(1)]);
  }
  const pairs = [...values]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, list]) => list.map((value) => [name, value]));
  const query = pairs.map(([name, value]) => `${escapeQuery(name!)}=${escapeQuery(value!)}`).join("&");
  const path = labels.get("__metrics_path__");
  const slash = path === "" || path.startsWith("/") ? "" : "/";
  const place = `${labels.get("__scheme__")}://${labels.get("__address__")}${slash}${escapePath(path)}`;
  return query === "" ? place : `${place}?${query}`;
}

function escapePath(path: string): string {
  return escapeAll(path).replace(/%(?:24|26|2B|2C|2F|3A|3B|3D|40)/g, decodeURIComponent);
}

function escapeQuery(text: string): string {
  return escapeAll(text).replaceAll("%20", "+");
}

/** All but letters, digits and `-_.~`. */
function escapeAll(text: string): string {
  return encodeURIComponent(text).replace(
    /[!*'()]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
