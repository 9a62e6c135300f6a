/**
 * Many targets in one process, each with an address of its own: 127.1.0.1, 127.1.0.2 and so on (all of 127.0.0.0/8 is
 * this machine, on Linux), on one port. Tells the port to the process that forked it. Arguments: targets, series of
 * each, form, and "gzip" when they compress for who takes it.
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { TargetPage } from "./target-page.js";

const [targets = "0", series = "0", form = "text", compression] = process.argv.slice(2);
const variants = Array.from(
  { length: 50 },
  (_, variant) => new TargetPage(Number(series), form === "openmetrics" ? "openmetrics" : "text", variant),
);
const steps = new Uint32Array(Number(targets));
const contentType =
  form === "openmetrics" ? "application/openmetrics-text; version=1.0.0" : "text/plain; version=0.0.4";

const server = createServer((request, response) => {
  const [, , high, low] = (request.socket.localAddress ?? "").split(".");
  const target = Number(high) * 250 + Number(low) - 1;
  const page = Buffer.from(variants[target % variants.length]!.render(target, steps[target]!++), "latin1");
  const isCompressed = compression === "gzip" && /gzip/.test(request.headers["accept-encoding"] ?? "");
  const body = isCompressed ? gzipSync(page, { level: 1 }) : page;
  response.writeHead(200, {
    "content-type": contentType,
    "content-length": body.length,
    ...(isCompressed && { "content-encoding": "gzip" }),
  });
  response.end(body);
});
server.keepAliveTimeout = 10 * 60_000;
server.listen(0, "0.0.0.0", () => process.send?.((server.address() as AddressInfo).port));
process.on("SIGTERM", () => process.exit());
