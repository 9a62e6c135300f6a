/**
 * `series`, `labels` and `label/NAME/values`: what is stored, without its samples.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { encodeArray, encodeLabels } from "../../api/result-json.js";
import type { MetadataOptions } from "../../api.js";
import { definedOnly } from "../../model/defined-only.js";
import { InvalidArgumentError } from "../../model/errors.js";
import type { Matcher } from "../../model/matcher.js";
import { parseSelector } from "../../query/parser/parse.js";
import type { RouteContext } from "../app.js";
import { encodeSuccess, NO_ANNOTATIONS } from "../envelope.js";
import { unescapeLabelName } from "../label-name-escaping.js";
import { sendJson } from "../reply-stream.js";
import { acceptForms } from "../request-body.js";
import { invalidParameter, namingParameter, RequestParameters } from "../request-parameters.js";

export function addMetadataRoutes(app: FastifyInstance, { database }: RouteContext): void {
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
  const matchers = parseMatch(text);
  if (matchers.every((matcher) => matcher.matches("")))
    throw invalidParameter("match[]", "match[] must contain at least one non-empty matcher");
}

function parseMatch(text: string): readonly Matcher[] {
  try {
    return parseSelector(text);
  } catch (error) {
    throw namingParameter("match[]", error);
  }
}

function encodeText(text: string): string {
  return JSON.stringify(text);
}
