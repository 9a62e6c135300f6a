/**
 * Our server as a process of its own, from the sources that the benchmark was compiled with: prints its URL.
 * Arguments: the data directory.
 */

import { startServer } from "../../src/server.js";

const [directory = ""] = process.argv.slice(2);
const server = await startServer({
  database: { directory, enableFeatures: ["promql-experimental-functions"] },
  host: "127.0.0.1",
  port: 0,
  version: "bench",
  onEvent: () => {},
});
process.on("SIGTERM", () => void server.close().then(() => process.exit()));
console.log(server.url);
