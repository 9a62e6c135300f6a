/**
 * The server that kill-test.mjs kills: as `narthex serve`, but with short blocks and with maintenance all the time,
 * so that a second of it sees cuts and compactions.
 *
 *   node scripts/kill-test-server.mjs DIR
 */

import { setTimeout as pause } from "node:timers/promises";
import { startServer } from "../dist/server.js";

/** Not a multiple of what a push covers: some pushes lie on both sides of the end of a block. */
const blockDurationMs = 17_300;
const maintenancePauseMs = 50;

const { url, database } = await startServer({
  database: { directory: process.argv[2], blockDurationMs },
  host: "127.0.0.1",
  port: 0,
  version: "kill-test",
  enableAdminApi: true,
  onEvent: ({ level, message }) => console.log(`${level} ${message}`),
});
console.log(`listening on ${url}`);
for (;;) {
  await database.runMaintenance();
  await pause(maintenancePauseMs);
}
