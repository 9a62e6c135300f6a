/**
 * A mixed workload, always the same one: targets that each expose 100 series, as a machine with a service on it
 * does, one sample every 15 s.
 *
 * Series of a target, by kind:
 *
 *   cpu seconds        8   node_cpu_seconds_total: hundredths; idle, two that are busy, some seldom or never
 *   bytes of memory   12   node_memory_*_bytes: pages of 4096, most of them wander in leaps, two never change
 *   counter of bytes   8   network: any number; disks: sectors of 512
 *   counter, bursts    8   packets, interrupts, I/O: busy for some minutes, nearly idle between them
 *   requests          12   by code and handler, a busy one and seldom ones; 0 after a restart
 *   buckets           22   of two histograms, a busy and a quiet one; one draw of latencies moves all buckets
 *   sum, count         4   of these: sums of latencies in floats
 *   gauge, 2 decimals  6   temperatures, percentages, load
 *   gauge, any float   4   ratios with all their digits
 *   small integer      8   connections, goroutines, queue lengths: some scatter, some seldom change
 *   constant           8   up, limits, build_info, the time of boot
 *
 * Times: every target at an offset of its own. Of ten targets six keep it to the millisecond, as Prometheus'
 * scrapes do that it moves up to 2 ms to align them; two are late by 1 to 4 ms now and then; two always scatter over
 * 5 ms. A target's series share their times. A service restarts once in a day or so, and its counters with it.
 */

import { Labels } from "../../src/model/labels.js";
import { seededRandom } from "./sample-columns.js";

export const MIXED_INTERVAL_MS = 15_000;

export interface MixedTarget {
  readonly times: Float64Array;
  readonly series: readonly MixedSeries[];
}

export interface MixedSeries {
  readonly kind: string;
  readonly labels: Labels;
  readonly values: Float64Array;
}

/** Numbers in [0, 1). */
type Random = () => number;
/** By sample; `isRestart` when the service has just begun. */
type NextValue = (isRestart: boolean) => number;

/** What a target's series are made of. */
interface Course {
  readonly number: number;
  readonly length: number;
  readonly restarts: Uint8Array;
  readonly random: Random;
  add(kind: string, name: string, labels: Record<string, string>, values: Float64Array): void;
}

const samplesPerRestart = 6000;
const bounds = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "+Inf"];
const upperBounds = bounds.map((bound) => (bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound)));

/** `length` samples of each series of target number `number`, from `start` on. */
export function mixedTarget(number: number, start: number, length: number): MixedTarget {
  const random = seededRandom(7_000_000 + number);
  const times = timesOf(number, start, length, random);
  const restarts = Uint8Array.from({ length }, () => (random() < 1 / samplesPerRestart ? 1 : 0));
  const service = ["api", "shop", "mail", "search"][number % 4]!;
  const own = {
    job: service,
    instance: `${service}-${number}.example.net:9100`,
    zone: `eu-${number % 3}`,
  };
  const series: MixedSeries[] = [];
  const course: Course = {
    ...{ number, length, restarts, random },
    add: (kind, name, labels, values) =>
      series.push({ kind, labels: Labels.from({ __name__: name, ...own, ...labels }), values }),
  };
  addMachine(course);
  addTraffic(course);
  addRequests(course);
  addGauges(course);
  addConstants(course);
  return { times, series };
}

function timesOf(number: number, start: number, length: number, random: Random): Float64Array {
  const offsetMs = below(random, MIXED_INTERVAL_MS - 5);
  const clock = number % 10;
  const lateMs = () => {
    if (clock < 6) return 0;
    if (clock < 8) return random() < 0.02 ? 1 + below(random, 4) : 0;
    return below(random, 5);
  };
  return Float64Array.from({ length }, (_, i) => start + i * MIXED_INTERVAL_MS + offsetMs + lateMs());
}

function addMachine(course: Course): void {
  const { random } = course;
  /** Hundredths of a second in 15 s, and their deviation. */
  const modes: Record<string, readonly [mean: number, deviation: number]> = {
    idle: [1250, 70],
    user: [180, 60],
    system: [50, 15],
    iowait: [4, 4],
    softirq: [1, 1],
    steal: [0.02, 0.2],
    nice: [0, 0],
    irq: [0, 0],
  };
  for (const [mode, [mean, deviation]] of Object.entries(modes)) {
    const next = counter(below(random, 1e7), () => atLeast0(Math.round(mean + deviation * normal(random))));
    course.add(
      "cpu seconds",
      "node_cpu_seconds_total",
      { cpu: "0", mode },
      column(course, () => next(false) / 100),
    );
  }
  const names = ["Active", "AnonPages", "Buffers", "Cached", "Dirty", "Inactive", "MemAvailable", "MemFree"];
  for (const [i, name] of [...names, "Mapped", "Slab", "MemTotal", "SwapTotal"].entries()) {
    let pages = 100_000 + below(random, 1e6);
    // From a page or two to some hundred in 15 s, now and then a leap.
    const deviation = 4 * 3 ** (i % 6);
    const wander = () => {
      pages += Math.round((random() < 0.02 ? 40 : 1) * deviation * normal(random));
      return 4096 * Math.max(1, pages);
    };
    const values = column(course, i < 10 ? wander : () => 4096 * pages);
    course.add("bytes of memory", `node_memory_${name}_bytes`, {}, values);
  }
}

function addTraffic(course: Course): void {
  const { random } = course;
  for (const device of ["eth0", "lo"])
    for (const direction of ["receive", "transmit"]) {
      const mean = 9 + 3 * random();
      const next = counter(below(random, 1e12), () => Math.floor(Math.exp(mean + 0.8 * normal(random))));
      course.add(
        "counter of bytes",
        `node_network_${direction}_bytes_total`,
        { device },
        column(course, next),
      );
    }
  for (const device of ["sda", "sdb"])
    for (const direction of ["read", "written"]) {
      const isSeldom = direction === "read";
      const sectors = () => (isSeldom && random() < 0.8 ? 0 : Math.floor(Math.exp(5 + 1.2 * normal(random))));
      const next = counter(below(random, 1e9), sectors);
      const values = column(course, () => 512 * next(false));
      course.add("counter of bytes", `node_disk_${direction}_bytes_total`, { device }, values);
    }
  for (let i = 0; i < 8; i++) {
    let isBusy = false;
    const busy = 20 * 3 ** (i % 5);
    const growth = () => {
      if (random() < (isBusy ? 0.1 : 0.03)) isBusy = !isBusy;
      return isBusy ? below(random, 2 * busy) : below(random, 3);
    };
    const next = counter(below(random, 1e7), growth);
    course.add("counter, bursts", "node_events_total", { source: `s${i}` }, column(course, next));
  }
}

function addRequests(course: Course): void {
  const { random } = course;
  for (const [i, code] of ["200", "201", "404", "500"].entries())
    for (let handler = 0; handler < 3; handler++) {
      const perSample = [300, 12, 1, 0.02][i]! / (1 + handler);
      const growth = () => poisson(random, perSample * (1 + 0.2 * Math.sin(course.number)));
      const labels = { code, handler: `/api/v1/h${handler}`, method: i === 1 ? "POST" : "GET" };
      course.add(
        "requests",
        "http_requests_total",
        labels,
        column(course, counter(below(random, 1e6), growth)),
      );
    }
  addHistogram(course, "/api/v1/h0", 60);
  addHistogram(course, "/api/v1/h2", 1.5);
}

function addHistogram(course: Course, handler: string, perSample: number): void {
  const { random, length, restarts } = course;
  const name = "http_request_duration_seconds";
  const buckets = bounds.map(() => new Float64Array(length));
  const sum = new Float64Array(length);
  const counts = new Float64Array(bounds.length);
  let seconds = 0;
  for (let i = 0; i < length; i++) {
    if (restarts[i] === 1) {
      counts.fill(0);
      seconds = 0;
    }
    for (let left = poisson(random, perSample); left > 0; left--) {
      // About 40 ms; as Go measures: whole nanoseconds.
      const latency = Math.round(4e7 * Math.exp(0.9 * normal(random))) / 1e9;
      seconds += latency;
      counts[upperBounds.findIndex((bound) => latency <= bound)]! += 1;
    }
    let cumulative = 0;
    for (const [bucket, values] of buckets.entries()) {
      cumulative += counts[bucket]!;
      values[i] = cumulative;
    }
    sum[i] = seconds;
  }
  for (const [bucket, le] of bounds.entries())
    course.add("buckets", `${name}_bucket`, { handler, le }, buckets[bucket]!);
  course.add("sum, count", `${name}_sum`, { handler }, sum);
  course.add("sum, count", `${name}_count`, { handler }, buckets.at(-1)!.slice());
}

function addGauges(course: Course): void {
  const { random } = course;
  for (let i = 0; i < 6; i++) {
    let hundredths = 2000 + below(random, 4000);
    const step = 8 * 3 ** (i % 4);
    const values = column(course, () => {
      hundredths = Math.max(0, hundredths + below(random, 2 * step + 1) - step);
      return hundredths / 100;
    });
    course.add("gauge, 2 decimals", "node_sensor_value", { sensor: `t${i}` }, values);
  }
  for (let i = 0; i < 4; i++) {
    const hits = 900 + below(random, 90);
    const values = column(course, () => (hits + below(random, 10)) / (1000 + below(random, 100)));
    course.add("gauge, any float", "cache_hit_ratio", { cache: `c${i}` }, values);
  }
  for (let i = 0; i < 8; i++) {
    let level = 10 * (1 + below(random, 10));
    const values = column(course, () => {
      if (i < 3) return Math.max(0, Math.round(level + 4 * normal(random)));
      if (random() < (i < 6 ? 0.3 : 0.03)) level = Math.max(0, level + below(random, 7) - 3);
      return level;
    });
    course.add("small integer", "app_connections", { pool: `p${i}` }, values);
  }
}

function addConstants(course: Course): void {
  const { random } = course;
  const boot = 1_750_000_000 + below(random, 1e7);
  const constants: Record<string, number> = {
    up: 1,
    build_info: 1,
    node_boot_time_seconds: boot,
    node_filesystem_size_bytes: 4096 * below(random, 1e8),
    node_filesystem_files: below(random, 1e7),
    process_max_fds: 65_536,
    process_start_time_seconds: boot + below(random, 1e5) / 100,
    app_errors: 0,
  };
  for (const [name, value] of Object.entries(constants))
    course.add("constant", name, {}, new Float64Array(course.length).fill(value));
}

function column({ length, restarts }: Course, next: NextValue): Float64Array {
  return Float64Array.from({ length }, (_, i) => next(restarts[i] === 1));
}

/** A counter that begins at 0 with its process. */
function counter(start: number, growth: () => number): NextValue {
  let value = start;
  return (isRestart) => {
    value = isRestart ? 0 : value + growth();
    return value;
  };
}

/** A whole number in [0, bound). */
function below(random: Random, bound: number): number {
  return Math.floor(random() * bound);
}

function atLeast0(value: number): number {
  return Math.max(0, value);
}

/** Mean 0, deviation 1. */
function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return radius * Math.cos(2 * Math.PI * random());
}

/** Events in a time in which `mean` are to be expected. */
function poisson(random: Random, mean: number): number {
  if (mean > 30) return atLeast0(Math.round(mean + Math.sqrt(mean) * normal(random)));
  let events = 0;
  for (let product = random(); product > Math.exp(-mean); product *= random()) events++;
  return events;
}
