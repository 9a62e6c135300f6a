/**
 * `GET /`: a page for a person who opens the server's address, with what it is and where to go.
 */

import type { FastifyInstance } from "fastify";
import type { RouteContext } from "../app.js";

export function addPageRoutes(app: FastifyInstance, { version }: RouteContext): void {
  const page = homePage(version);
  app.get("/", (_request, reply) => reply.type("text/html; charset=utf-8").send(page));
}

const reading: readonly (readonly [path: string, what: string])[] = [
  ["/api/v1/query?query=up", "evaluate PromQL at one time: query, time, timeout, limit"],
  [
    "/api/v1/query_range?query=up&start=2010-06-01T00:00:00Z&end=2010-06-02T00:00:00Z&step=1h",
    "over a range",
  ],
  ["/api/v1/label/__name__/values", "names of metrics"],
  ["/api/v1/labels", "names of labels"],
  ["/api/v1/series?match[]=up", "label sets"],
  ["/api/v1/status/tsdb", "what is stored, and what was lost"],
  ["/api/v1/targets", "what is scraped, and how it went"],
  ["/api/v1/sources", "who pushes, and how it went"],
  ["/metrics", "metrics about the server itself"],
];

const writing: readonly (readonly [path: string, what: string])[] = [
  ["/api/v1/import/prometheus", "push samples in the Prometheus text format or OpenMetrics"],
  ["/api/v1/write", "Prometheus remote write 1.0 and 2.0"],
  ["/api/v1/push", "push samples as JSON or MessagePack"],
  ["/api/v1/push/increments", "push increments of counters and histograms, which are added up here"],
  ["/api/v1/import", "push lines of JSON as VictoriaMetrics exports them"],
  ["/api/v1/otlp/v1/metrics", "push metrics of OpenTelemetry"],
  ["/write, /api/v2/write", "push lines as to InfluxDB 1 or 2"],
  ["/metrics/job/JOB (also PUT, DELETE)", "push groups of metrics as to a Pushgateway"],
  ["/api/v1/import/csv", "import a CSV file"],
  ["/api/v1/import/openmetrics", "import an OpenMetrics file"],
];

function homePage(version: string): string {
  const links = reading.map(
    ([path, what]) => `<li><a href="${escapeHtml(path)}">${escapeHtml(path)}</a>: ${what}</li>`,
  );
  const posts = writing.map(([path, what]) => `<li>POST ${path}: ${what}</li>`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Narthex</title>
<h1>Narthex ${escapeHtml(version)}</h1>
<p>A time-series database that speaks PromQL and the Prometheus HTTP API.</p>
<h2>Read</h2>
<ul>
${links.join("\n")}
</ul>
<h2>Write</h2>
<ul>
${posts.join("\n")}
</ul>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
