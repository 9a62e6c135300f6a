/**
 * The server that kill-test.mjs kills: as `narthex serve`, but with short blocks and with maintenance all the time,
 * so that a second of it sees cuts and compactions.
 *
 *   node scripts/kill-test-server.mjs DIR
 */

import { startServer } from "../dist/server.js";

/** Not a multiple of what a push covers: some pushes lie on both sides of the end of a block. */
const blockDurationMs = 17_300;
const maintenanceIntervalMs = 50;

/** The machine's clock, but that nothing is scheduled far ahead. */
const hastyClock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(delayMs, task) {
    const timer = setTimeout(task, Math.min(delayMs, maintenanceIntervalMs));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

const { url } = await startServer({
  database: { directory: process.argv[2], blockDurationMs, clock: hastyClock },
  host: "127.0.0.1",
  port: 0,
  version: "kill-test",
  enableAdminApi: true,
  onEvent: ({ level, message }) => console.log(`${level} ${message}`),
});
console.log(`listening on ${url}`);
