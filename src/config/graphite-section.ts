/**
 * readGraphite: the `graphite` section: templates that make names and labels of dotted paths, the first that matches
 * counts.
 *
 *   graphite:
 *     templates:
 *       - servers.* .host.name* env=prod
 */

import { GraphiteTemplate } from "../ingest/graphite/graphite-template.js";
import { ConfigError } from "../model/errors.js";
import type { YamlSection } from "./yaml-section.js";

/** Throws ConfigError at the field that is wrong. */
export function readGraphite(section: YamlSection | undefined): readonly GraphiteTemplate[] {
  const templates = (section?.textList("templates") ?? []).map((text) => {
    try {
      return new GraphiteTemplate(text);
    } catch (error) {
      if (error instanceof ConfigError) return section!.reject("templates", error.message);
      throw error;
    }
  });
  section?.finish();
  return templates;
}
