/**
 * The metrics of a fleet of web servers, always the same ones: 100 instances in 10 zones, one sample every 15 s
 * for 12 h.
 *
 *   http_requests_total                    10,000 series   counters that grow in bursts; an instance restarts now and then
 *   cpu_usage_percent                       1,000          gauges with two decimals that wander about
 *   http_request_duration_seconds_bucket    1,200          classic histograms of 12 buckets, with _sum and _count
 *   build_info                                100          always 1, to join with
 */

import { Labels } from "../../src/model/labels.js";
import type { SampleColumns } from "../../src/model/sample.js";
import type { SeriesColumns } from "../../src/storage/compaction/cut-blocks.js";
import { seededRandom } from "./sample-columns.js";

export const FLEET_VERSION = 1;
export const FLEET_START = Date.UTC(2026, 0, 5);
export const FLEET_INTERVAL_MS = 15_000;
export const FLEET_SAMPLES_PER_SERIES = 2880;
/** The last whole interval begins here: queries of all 12 h end at it. */
export const FLEET_END = FLEET_START + (FLEET_SAMPLES_PER_SERIES - 1) * FLEET_INTERVAL_MS;

const instanceCount = 100;
const zoneCount = 10;
const handlerCount = 10;
const methods = ["GET", "POST"];
const codes = ["200", "201", "404", "500", "503"];
const cpuCount = 10;
const bounds = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"];
const upperBounds = bounds.map((bound) => (bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound)));
/** Of an instance's samples, one in as many follows a restart. */
const samplesPerRestart = 5000;

interface Instance {
  readonly labels: Readonly<Record<string, string>>;
  readonly number: number;
  readonly times: Float64Array;
  /** By sample: the instance has just started, its counters are 0. */
  readonly restarts: Uint8Array;
  requests: Requests | undefined;
}

interface PlannedSeries {
  readonly labels: Labels;
  readonly values: () => Float64Array;
  readonly instance: Instance;
}

/** All series, in label order; columns are made as they are walked, the same ones each time. */
export function fleet(): Iterable<SeriesColumns> {
  const planned = Array.from({ length: instanceCount }, (_, number) => seriesOf(instance(number))).flat();
  planned.sort((a, b) => a.labels.compare(b.labels));
  return {
    *[Symbol.iterator]() {
      for (const { labels, values, instance } of planned) {
        const columns: SampleColumns = {
          times: instance.times,
          values: values(),
          length: FLEET_SAMPLES_PER_SERIES,
        };
        yield { labels, columns };
      }
    },
  };
}

/** Scraped at an offset of its own, now and then a few milliseconds late. */
function instance(number: number): Instance {
  const random = seededRandom(1_000_000 + number);
  const offsetMs = Math.floor(random() * (FLEET_INTERVAL_MS - 5));
  const times = new Float64Array(FLEET_SAMPLES_PER_SERIES);
  const restarts = new Uint8Array(FLEET_SAMPLES_PER_SERIES);
  for (let i = 0; i < times.length; i++) {
    const lateMs = random() < 0.02 ? 1 + Math.floor(random() * 4) : 0;
    times[i] = FLEET_START + i * FLEET_INTERVAL_MS + offsetMs + lateMs;
    restarts[i] = random() < 1 / samplesPerRestart ? 1 : 0;
  }
  const labels = {
    job: "web",
    instance: `web-${String(number).padStart(2, "0")}`,
    zone: `z${number % zoneCount}`,
  };
  return { labels, number, times, restarts, requests: undefined };
}

function seriesOf(instance: Instance): PlannedSeries[] {
  const planned: PlannedSeries[] = [];
  const add = (name: string, labels: Record<string, string>, values: PlannedSeries["values"]) => {
    planned.push({
      labels: Labels.from({ __name__: name, ...instance.labels, ...labels }),
      values,
      instance,
    });
  };
  for (let handler = 0; handler < handlerCount; handler++) {
    for (const [method, methodName] of methods.entries()) {
      for (const [code, codeName] of codes.entries()) {
        const seed =
          ((instance.number * handlerCount + handler) * methods.length + method) * codes.length + code;
        const perSample = (code < 2 ? 40 : 1) / (1 + handler);
        add("http_requests_total", { handler: `/h${handler}`, method: methodName, code: codeName }, () =>
          counter(instance, seed, perSample),
        );
      }
    }
  }
  for (let cpu = 0; cpu < cpuCount; cpu++) {
    add("cpu_usage_percent", { cpu: String(cpu) }, () => gauge(2_000_000 + instance.number * cpuCount + cpu));
  }
  const version = `1.${instance.number % 3}`;
  add("build_info", { version }, () => new Float64Array(FLEET_SAMPLES_PER_SERIES).fill(1));
  for (const [bucket, le] of bounds.entries()) {
    add("http_request_duration_seconds_bucket", { le }, () => requestsOf(instance).buckets[bucket]!);
  }
  add("http_request_duration_seconds_sum", {}, () => requestsOf(instance).sum);
  add("http_request_duration_seconds_count", {}, () => requestsOf(instance).buckets.at(-1)!);
  return planned;
}

/** Grows by `perSample` on average, in two of three samples by nothing when that is less than 1. */
function counter({ restarts }: Instance, seed: number, perSample: number): Float64Array {
  const random = seededRandom(seed);
  const values = new Float64Array(FLEET_SAMPLES_PER_SERIES);
  let value = Math.floor(random() * 1e6);
  for (let i = 0; i < values.length; i++) {
    const growth = perSample < 1 ? (random() < perSample / 3 ? 3 : 0) : Math.floor(random() * 2 * perSample);
    value = restarts[i] === 1 ? 0 : value + growth;
    values[i] = value;
  }
  return values;
}

function gauge(seed: number): Float64Array {
  const random = seededRandom(seed);
  const values = new Float64Array(FLEET_SAMPLES_PER_SERIES);
  let hundredths = 1000 + Math.floor(random() * 7000);
  for (let i = 0; i < values.length; i++) {
    hundredths = Math.min(10_000, Math.max(0, hundredths + Math.floor(random() * 401) - 200));
    values[i] = hundredths / 100;
  }
  return values;
}

interface Requests {
  /** Cumulative, as `le` is. */
  readonly buckets: readonly Float64Array[];
  readonly sum: Float64Array;
}

function requestsOf(instance: Instance): Requests {
  instance.requests ??= requests(instance);
  return instance.requests;
}

function requests({ restarts, number }: Instance): Requests {
  const random = seededRandom(3_000_000 + number);
  const buckets = bounds.map(() => new Float64Array(FLEET_SAMPLES_PER_SERIES));
  const sum = new Float64Array(FLEET_SAMPLES_PER_SERIES);
  const counts = new Float64Array(bounds.length);
  let seconds = 0;
  for (let i = 0; i < FLEET_SAMPLES_PER_SERIES; i++) {
    if (restarts[i] === 1) {
      counts.fill(0);
      seconds = 0;
    }
    for (let left = Math.floor(random() * 60); left > 0; left--) {
      // Between 2 ms and 20 s, most of it about 50 ms.
      const latency = 0.002 * 10 ** (4 * (random() + random()) * 0.5);
      seconds += latency;
      counts[upperBounds.findIndex((bound) => latency <= bound)]! += 1;
    }
    let cumulative = 0;
    for (const [bucket, column] of buckets.entries()) {
      cumulative += counts[bucket]!;
      column[i] = cumulative;
    }
    sum[i] = seconds;
  }
  return { buckets, sum };
}
