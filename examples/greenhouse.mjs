/**
 * Opens a database, appends a day of temperatures, asks PromQL, closes.
 *
 *   node examples/greenhouse.mjs
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "narthex";

const directory = mkdtempSync(join(tmpdir(), "greenhouse-"));
const db = await openDatabase({ directory });

// One series, sample by sample: times may be of any age.
const day = Date.parse("2026-06-01T00:00:00Z");
const attic = db.series({ __name__: "room_celsius", room: "attic" });
const appends = [];
for (let minute = 0; minute < 24 * 60; minute++) {
  const celsius = 20 + 8 * Math.sin((minute / (24 * 60)) * 2 * Math.PI);
  appends.push(attic.append(celsius, day + minute * 60_000));
}
await Promise.all(appends); // Durable: appends that wait together share one sync.

// A batch of several series: one transaction, durable when it resolves.
const { appended, rejected } = await db.append([
  {
    labels: { __name__: "room_celsius", room: "cellar" },
    samples: [{ time: day + 12 * 3_600_000, value: 11.5 }],
  },
  {
    labels: { __name__: "room_celsius", room: "kitchen" },
    samples: [{ time: day + 12 * 3_600_000, value: 21.25 }],
  },
]);
console.log(`appended ${appended}, rejected ${rejected.size}`);

const noon = await db.query("sort_desc(room_celsius)", { time: "2026-06-01T12:00:00Z" });
if (noon.type === "vector") {
  for (const { labels, value } of noon.series)
    console.log(`${labels.get("room").padEnd(8)} ${value.toFixed(2)}`);
}

const hourly = await db.queryRange('avg_over_time(room_celsius{room="attic"}[1h])', {
  start: "2026-06-01T01:00:00Z",
  end: "2026-06-02T00:00:00Z",
  step: "1h",
});
if (hourly.type === "matrix") console.log(`${hourly.series[0]?.values.length} hourly means`);

await db.close();
rmSync(directory, { recursive: true });
