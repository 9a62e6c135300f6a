/**
 * `series`, `labels` and `label/NAME/values`: what is stored, without its samples. `metadata`: what metrics are, as
 * pushes have told since the start and as the targets that are scraped say.
 *
 * Source: Prometheus `web/api/v1/api.go`: series, labelNames, labelValues, metricMetadata.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { encodeArray, encodeLabels } from "../../api/result-json.js";
import type { MetadataOptions } from "../../api.js";
import { definedOnly } from "../../model/defined-only.js";
import { InvalidArgumentError } from "../../model/errors.js";
import type { Matcher } from "../../model/matcher.js";
import type { MetadataReader, MetricMetadata } from "../../model/metric-metadata.js";
import { sortTexts } from "../../model/text-order.js";
import { parseSelector } from "../../query/parser/parse.js";
import type { ScrapePoolStatus } from "../../scrape/status.js";
import type { RouteContext } from "../app.js";
import { encodeSuccess, NO_ANNOTATIONS } from "../envelope.js";
import { unescapeLabelName } from "../label-name-escaping.js";
import { sendJson } from "../reply-stream.js";
import { acceptForms } from "../request-body.js";
import { invalidParameter, namingParameter, RequestParameters } from "../request-parameters.js";

export function addMetadataRoutes(app: FastifyInstance, { database, scrapePools }: RouteContext): void {
  acceptForms(app);
  const method = ["GET", "POST"];
  app.route({
    method,
    url: "/api/v1/series",
    async handler(request, reply) {
      const parameters = new RequestParameters(request);
      if (parameters.all("match[]").length === 0)
        throw new InvalidArgumentError("no match[] parameter provided");
      return answer(parameters, reply, (options) => database.findSeries(options), encodeLabels);
    },
  });
  app.route({
    method,
    url: "/api/v1/labels",
    handler: (request, reply) =>
      answer(new RequestParameters(request), reply, (options) => database.labelNames(options), encodeText),
  });
  app.get("/api/v1/label/:name/values", (request: FastifyRequest<{ Params: { name: string } }>, reply) => {
    const name = unescapeLabelName(request.params.name);
    if (name === "") throw new InvalidArgumentError('invalid label name: ""');
    return answer(
      new RequestParameters(request),
      reply,
      (options) => database.labelValues(name, options),
      encodeText,
    );
  });
  app.get("/api/v1/metadata", (request, reply) =>
    sendJson(
      reply,
      encodeSuccess([encodeMetadata(database.metadata, scrapePools(), new RequestParameters(request))]),
    ),
  );
}

/** For each metric what was said of it: the last word of pushes, and what the targets that are scraped say. */
function encodeMetadata(
  metadata: MetadataReader,
  pools: readonly ScrapePoolStatus[],
  parameters: RequestParameters,
): string {
  const limit = integerOf(parameters, "limit") ?? -1;
  const perMetric = integerOf(parameters, "limit_per_metric") || -1;
  const asked = parameters.optionalText("metric");
  const scraped = pools.flatMap(({ activeTargets }) => activeTargets.map((target) => target.metadata));
  const found = new Map<string, Set<string>>();
  const encode = metadataEncoder();
  for (const reader of [...scraped, metadata]) {
    for (const name of asked === undefined ? (reader?.metricNames() ?? []) : [asked]) {
      const known = reader?.metadataOf(name);
      if (known === undefined) continue;
      const ofMetric = found.get(name) ?? new Set();
      found.set(name, ofMetric);
      if (perMetric < 0 || ofMetric.size < perMetric) ofMetric.add(encode(known));
    }
  }
  const names = sortTexts([...found.keys()]);
  const entries = (limit < 0 ? names : names.slice(0, limit)).map(
    (name) => `${JSON.stringify(name)}:[${[...found.get(name)!].join(",")}]`,
  );
  return `{${entries.join(",")}}`;
}

/** Targets share what they say alike: each is written once. */
export function metadataEncoder(): (metadata: MetricMetadata) => string {
  const written = new Map<MetricMetadata, string>();
  return (metadata) => {
    const { type, help, unit } = metadata;
    const text = written.get(metadata) ?? JSON.stringify({ type, help, unit });
    written.set(metadata, text);
    return text;
  };
}

export function integerOf(parameters: RequestParameters, name: string): number | undefined {
  const text = parameters.optionalText(name);
  if (text !== undefined && !/^[+-]?\d{1,15}$/.test(text))
    throw new InvalidArgumentError(`${name} must be a number`);
  return text === undefined ? undefined : Number(text);
}

async function answer<T>(
  parameters: RequestParameters,
  reply: FastifyReply,
  find: (options: MetadataOptions) => Promise<readonly T[]>,
  encode: (element: T) => string,
): Promise<FastifyReply> {
  const limit = parameters.limit();
  const found = await find(metadataOptions(parameters));
  const annotations =
    found.length > limit
      ? { ...NO_ANNOTATIONS, warnings: ["results truncated due to limit"] }
      : NO_ANNOTATIONS;
  const kept = found.length > limit ? found.slice(0, limit) : found;
  return sendJson(reply, encodeSuccess(encodeArray(kept, encode), annotations));
}

function metadataOptions(parameters: RequestParameters): MetadataOptions {
  const match = parameters.all("match[]");
  match.forEach(checkSelector);
  return definedOnly({
    minTime: parameters.optionalTime("start"),
    maxTime: parameters.optionalTime("end"),
    match: match.length === 0 ? undefined : match,
  });
}

/** A selector that accepts series without any label would select all: an oversight, in Prometheus' experience. */
export function checkSelector(text: string): void {
  const matchers = parseMatch("match[]", text);
  if (matchers.every((matcher) => matcher.matches("")))
    throw invalidParameter("match[]", "match[] must contain at least one non-empty matcher");
}

/** The matchers of a selector that the parameter `name` has. */
export function parseMatch(name: string, text: string): readonly Matcher[] {
  try {
    return parseSelector(text);
  } catch (error) {
    throw namingParameter(name, error);
  }
}

function encodeText(text: string): string {
  return JSON.stringify(text);
}
