/**
 * `admin/tsdb/delete_series` and `admin/tsdb/clean_tombstones`: deletion, for whoever may reach the server, if the
 * operator has enabled it.
 *
 * Source: Prometheus `web/api/v1/api.go`, deleteSeries and cleanTombstones.
 */

import type { FastifyInstance } from "fastify";
import { definedOnly } from "../../model/defined-only.js";
import { InvalidArgumentError, UnavailableError } from "../../model/errors.js";
import type { RouteContext } from "../app.js";
import { acceptForms } from "../request-body.js";
import { RequestParameters } from "../request-parameters.js";
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
}
