/**
 * The two text formats that targets serve and clients push, and how a content type chooses between them.
 *
 * Source: Prometheus exposition formats 0.0.4 and 1.0.0 (the latter adds UTF-8 names in quotes, which the
 * parser always accepts); OpenMetrics 1.0.
 */

export type ExpositionFormat = "prometheus" | "openmetrics";

/**
 * The format that a Content-Type header names, whatever its version; undefined when it is absent or another
 * one: whether to fall back then is the caller's choice.
 */
export function expositionFormatOf(contentType: string | undefined): ExpositionFormat | undefined {
  switch (contentType?.replace(/;.*$/s, "").trim().toLowerCase()) {
    case "text/plain":
      return "prometheus";
    case "application/openmetrics-text":
      return "openmetrics";
    default:
      return undefined;
  }
}
