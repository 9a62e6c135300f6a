/**
 * A database with some of everything: blocks, a head, samples out of order, deletions, series that end.
 */

import { type Database, Labels, NO_SERIES } from "../../src/index.js";

export const fleetStart = Date.UTC(2026, 2, 1);
const minute = 60_000;

/** Seven hours of it, at 15 s; with a part in blocks and a part that is not. */
export async function appendFleet(database: Database): Promise<void> {
  const appender = database.appender();
  for (let series = 0; series < 6; series++) {
    const labels = Labels.from({
      __name__: "requests_total",
      job: `job${series % 2}`,
      instance: `i${series}`,
    });
    for (let i = 0, value = 0; i < 7 * 240; i++) {
      value = i % 500 === 499 ? 0 : value + ((i * (series + 3)) % 17);
      if ((i + series * 31) % 97 > 3) appender.append(NO_SERIES, labels, fleetStart + i * 15_000, value);
    }
  }
  const gauge = Labels.from({ __name__: "temperature_celsius", room: 'größe "1"\\' });
  for (let i = 0; i < 7 * 240; i++) {
    const time = fleetStart + i * 15_000 + (i % 3);
    if (i % 400 === 399) appender.appendStale(NO_SERIES, gauge, time);
    else if (i % 400 < 360)
      appender.append(NO_SERIES, gauge, time, Math.round(Math.sin(i / 50) * 1000) / 100);
  }
  await appender.commit();
  await database.runMaintenance();
  const late = Labels.from({ __name__: "late_total", job: "batch" });
  await database.append([
    {
      labels: late,
      samples: [300, 100, 390, 20].map((at) => ({ time: fleetStart + at * minute, value: at })),
    },
    { labels: gauge, samples: [{ time: fleetStart + 100 * minute + 7, value: 99.5 }] },
  ]);
  const deleted = { minTime: fleetStart + 30 * minute, maxTime: fleetStart + 50 * minute };
  await database.deleteSeries({ match: ['requests_total{instance="i1"}'], ...deleted });
}
