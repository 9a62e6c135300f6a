/**
 * Our server as a process of its own, from the sources that the benchmark was compiled with: tells its URL, on standard
 * output and to the process that forked it. Arguments: the data directory, the encoding of blocks, and a
 * configuration file.
 *
 * To "maintain" it answers "maintained" when a pass of maintenance is over.
 */

import { startServer } from "../../src/server.js";

const [directory = "", encoding, configFile] = process.argv.slice(2);
const server = await startServer({
  database: {
    directory,
    enableFeatures: ["promql-experimental-functions"],
    ...(encoding === "gorilla" || encoding === "adaptive" ? { blockEncoding: encoding } : {}),
  },
  ...(configFile !== undefined && { configFile }),
  host: "127.0.0.1",
  port: 0,
  version: "bench",
  onEvent: () => {},
});
process.on("SIGTERM", () => void server.close().then(() => process.exit()));
process.on("message", (message) => {
  if (message === "maintain") void server.database.runMaintenance().then(() => process.send?.("maintained"));
});
console.log(server.url);
process.send?.(server.url);
