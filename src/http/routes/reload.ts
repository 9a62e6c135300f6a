/**
 * `POST /-/reload`: reads the configuration files again, if the operator has allowed it by `--web.enable-lifecycle`.
 * 400 names the file, the line and the column; then nothing has changed.
 *
 * Source: Prometheus `web/web.go`, which answers 500 where this is 400.
 */

import type { FastifyInstance } from "fastify";
import { ForbiddenError } from "../../model/errors.js";
import type { RouteContext } from "../app.js";
import { acceptStreams } from "../request-body.js";

export function addReloadRoutes(app: FastifyInstance, { reload }: RouteContext): void {
  acceptStreams(app);
  app.route({
    method: ["POST", "PUT"],
    url: "/-/reload",
    async handler(_request, reply) {
      if (reload === undefined)
        throw new ForbiddenError(
          "the lifecycle API is not enabled; start the server with --web.enable-lifecycle, or send the process SIGHUP",
        );
      await reload();
      return reply.type("text/plain; charset=utf-8").send("");
    },
  });
}
