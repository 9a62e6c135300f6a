/**
 * readOtlp: how metrics of OpenTelemetry become series, in Prometheus' words: the section `otlp`.
 *
 * Source: Prometheus configuration, `<otlp>`.
 */

import type { OtlpOptions } from "../ingest/otlp/otlp-labels.js";
import { translationStrategies } from "../ingest/otlp/otlp-names.js";
import { definedOnly } from "../model/defined-only.js";
import type { YamlSection } from "./yaml-section.js";

/** What the file says; what it does not say has its default elsewhere. */
export function readOtlp(section: YamlSection | undefined): Partial<OtlpOptions> {
  if (section === undefined) return {};
  const promoteAllResourceAttributes = section.flag("promote_all_resource_attributes");
  const promoteResourceAttributes = section.textList("promote_resource_attributes");
  const ignoreResourceAttributes = section.textList("ignore_resource_attributes");
  if (promoteAllResourceAttributes === true && promoteResourceAttributes !== undefined)
    section.fail(
      "promote_resource_attributes",
      "must not be given together with promote_all_resource_attributes",
    );
  if (promoteAllResourceAttributes !== true && ignoreResourceAttributes !== undefined)
    section.fail("ignore_resource_attributes", "needs promote_all_resource_attributes: true");
  const options = definedOnly({
    translationStrategy: section.oneOf("translation_strategy", translationStrategies),
    promoteAllResourceAttributes,
    promoteResourceAttributes,
    ignoreResourceAttributes,
    keepIdentifyingResourceAttributes: section.flag("keep_identifying_resource_attributes"),
    promoteScopeMetadata: section.flag("promote_scope_metadata"),
  });
  section.notYet(["convert_histograms_to_nhcb", "label_name_underscore_sanitization"], "flag");
  section.notYet(["label_name_preserve_multiple_underscores"], "flag");
  section.finish();
  return options;
}
