/**
 * Bulk imports, straight into blocks: `POST /api/v1/import/csv`, `/api/v1/import/openmetrics`, and
 * `/api/v1/import/file?format=...`, which guesses the format from the first bytes when it is left out.
 *
 * The answer counts what was imported and names the first rows that could not be read; 400 when nothing was.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { encodeImportResult } from "../../api/import-result-json.js";
import { InvalidArgumentError } from "../../model/errors.js";
import type { ImportOptions } from "../../model/importing.js";
import type { RouteContext } from "../app.js";
import { encodeSuccess } from "../envelope.js";
import { importOptions } from "../import-parameters.js";
import { countOutcome, firstReason } from "../ingest-reply.js";
import { sendJson } from "../reply-stream.js";
import { acceptStreams, decodedBody } from "../request-body.js";
import { invalidParameter, RequestParameters } from "../request-parameters.js";

type Format = NonNullable<ImportOptions["format"]>;

const formats: readonly Format[] = ["csv", "openmetrics", "prometheus", "jsonl"];

export function addImportRoutes(app: FastifyInstance, context: RouteContext): void {
  acceptStreams(app);
  for (const format of ["csv", "openmetrics"] as const) {
    app.post(`/api/v1/import/${format}`, (request, reply) => importBody(context, request, reply, format));
  }
  app.post("/api/v1/import/file", (request, reply) =>
    importBody(context, request, reply, formatOf(new RequestParameters(request))),
  );
}

function formatOf(parameters: RequestParameters): Format | undefined {
  const text = parameters.optionalText("format");
  const format = formats.find((known) => known === text);
  if (text !== undefined && format === undefined)
    throw invalidParameter("format", `${JSON.stringify(text)} is none of ${formats.join(", ")}`);
  return format;
}

async function importBody(
  { database, limits, metrics }: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
  format: Format | undefined,
): Promise<FastifyReply> {
  const options = importOptions(new RequestParameters(request), format);
  const sizeBytes = limits.importSizeBytes;
  const body = decodedBody(request, { sizeBytes, decodedSizeBytes: sizeBytes });
  const result = await database.import(body, options);
  countOutcome(metrics, "import", { ...result, appended: result.samples });
  if (result.samples === 0)
    throw new InvalidArgumentError(`nothing was imported: ${firstReason(result, "line")}`);
  return sendJson(reply, encodeSuccess([encodeImportResult(result)]));
}
