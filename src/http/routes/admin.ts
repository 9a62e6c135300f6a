/**
 * `admin/tsdb/delete_series`, `admin/tsdb/clean_tombstones`, `admin/tsdb/snapshot`: deletion and snapshots (into
 * `snapshots/NAME` of the data directory), for whoever may reach the server, if the operator has enabled it.
 *
 * Source: Prometheus `web/api/v1/api.go`, deleteSeries, cleanTombstones and snapshot.
 */

import type { FastifyInstance } from "fastify";
import { definedOnly } from "../../model/defined-only.js";
import { InvalidArgumentError, UnavailableError } from "../../model/errors.js";
import type { RouteContext } from "../app.js";
import { encodeSuccess } from "../envelope.js";
import { sendJson } from "../reply-stream.js";
import { acceptForms } from "../request-body.js";
import { invalidParameter, RequestParameters } from "../request-parameters.js";
import { checkSelector } from "./metadata.js";

export function addAdminRoutes(app: FastifyInstance, { database, enableAdminApi }: RouteContext): void {
  acceptForms(app);
  const method = ["POST", "PUT"];
  app.addHook("onRequest", async () => {
    if (!enableAdminApi)
      throw new UnavailableError("admin APIs disabled; start the server with --web.enable-admin-api");
  });
  app.route({
    method,
    url: "/api/v1/admin/tsdb/delete_series",
    async handler(request, reply) {
      const parameters = new RequestParameters(request);
      const match = parameters.all("match[]");
      if (match.length === 0) throw new InvalidArgumentError("no match[] parameter provided");
      match.forEach(checkSelector);
      const minTime = parameters.optionalTime("start");
      const maxTime = parameters.optionalTime("end");
      await database.deleteSeries({ match, ...definedOnly({ minTime, maxTime }) });
      return reply.code(204).send();
    },
  });
  app.route({
    method,
    url: "/api/v1/admin/tsdb/clean_tombstones",
    async handler(_request, reply) {
      await database.clean();
      return reply.code(204).send();
    },
  });
  app.route({
    method,
    url: "/api/v1/admin/tsdb/snapshot",
    async handler(request, reply) {
      const skipHead = skipHeadOf(new RequestParameters(request));
      const directory = await database.snapshot({ skipHead });
      const name = directory.slice(directory.lastIndexOf("/") + 1);
      return sendJson(reply, encodeSuccess([JSON.stringify({ name })]));
    },
  });
}

/** As Go's ParseBool reads them. */
function skipHeadOf(parameters: RequestParameters): boolean {
  const text = parameters.optionalText("skip_head") ?? "false";
  if (/^(?:1|t|T|true|TRUE|True)$/.test(text)) return true;
  if (/^(?:0|f|F|false|FALSE|False)$/.test(text)) return false;
  throw invalidParameter("skip_head", `unable to parse boolean "${text}"`);
}
