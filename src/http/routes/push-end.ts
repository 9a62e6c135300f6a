/**
 * `DELETE /api/v1/push`: "done". The series of the source end now, its `up` with them, and nobody misses it. Which
 * instance ends is said by `?instance=` (and `?job=` where no credential says it), or forced by the credential.
 */

import type { FastifyInstance } from "fastify";
import { Labels } from "../../model/labels.js";
import type { RouteContext } from "../app.js";
import { pushRequestOf } from "../push-request.js";
import { RequestParameters } from "../request-parameters.js";

export function addPushEndRoutes(app: FastifyInstance, { sources }: RouteContext): void {
  app.delete("/api/v1/push", async (request, reply) => {
    const parameters = new RequestParameters(request);
    const named = ["job", "instance"].map((name) => [name, parameters.text(name)] as const);
    const grouping = Labels.from(Object.fromEntries(named.filter(([, value]) => value !== "")));
    await sources.end({ ...pushRequestOf(request, "json"), grouping });
    return reply.code(204).send();
  });
}
