/**
 * A page as node_exporter serves it, of about as many series as asked for: families with HELP and TYPE, counters and
 * gauges with up to four labels, a histogram. Values change from one scrape to the next as such do; every page of a
 * target has the same series.
 */

import { formatFloat } from "../../src/model/float-text.js";

interface Line {
  /** Up to the value. */
  readonly text: string;
  /** The value at a step, as text. */
  readonly value: (seed: number, step: number) => string;
}

export type PageForm = "text" | "openmetrics";

const modes = ["idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"];
const bounds = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"];

const seconds: Line["value"] = (seed, step) =>
  (seed + step * (1 + (seed % 7)) + (seed % 100) / 100).toFixed(2);
const bytesTotal: Line["value"] = (seed, step) => formatFloat(1e9 + seed * 4096 + step * (seed % 97) * 512);
const count: Line["value"] = (seed, step) => formatFloat(seed + step * (seed % 13));
const gauge: Line["value"] = (seed, step) => ((((seed + step) * 7919) % 10_000) / 100).toFixed(2);
const constant: Line["value"] = (seed) => String(seed % 3);
/** With all the digits that a float has, as averages and sums of durations do. */
const precise: Line["value"] = (seed, step) => formatFloat(((seed + step * 3) * 1.000_123) / 7);

export class TargetPage {
  readonly #pieces: (string | Line)[] = [];
  readonly #isOpenMetrics: boolean;

  /** `variant` changes a label of some lines, as the devices of machines differ. */
  constructor(seriesCount: number, form: PageForm, variant: number) {
    this.#isOpenMetrics = form === "openmetrics";
    let missing = seriesCount;
    for (let round = 0; missing > 0; round++) {
      for (const { name, type, lines } of families(round === 0 ? "" : `_${round}`, variant)) {
        const taken = lines.slice(0, missing);
        missing -= taken.length;
        if (taken.length > 0) this.#add(name, type, taken);
      }
    }
  }

  #add(name: string, type: string, lines: readonly Line[]): void {
    const family = this.#isOpenMetrics && type === "counter" ? name.replace(/_total$/, "") : name;
    this.#pieces.push(`# HELP ${family} ${name.replaceAll("_", " ")}, as the kernel tells it.\n`);
    this.#pieces.push(`# TYPE ${family} ${type}\n`, ...lines);
  }

  /** The page of target `target` at step `step`. */
  render(target: number, step: number): string {
    let text = "";
    let seed = (target * 131) % 1009;
    for (const piece of this.#pieces) {
      if (typeof piece === "string") text += piece;
      else text += `${piece.text}${piece.value(seed++, step)}\n`;
    }
    return this.#isOpenMetrics ? `${text}# EOF\n` : text;
  }
}

interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly lines: readonly Line[];
}

function families(suffix: string, variant: number): readonly Family[] {
  const counter = (what: string, n: number, labels: LabelText, value: Line["value"]) =>
    family("counter", `node_${what}${suffix}_total`, n, labels, value);
  const gauges = (what: string, n: number, labels: LabelText, value: Line["value"]) =>
    family("gauge", `node_${what}${suffix}`, n, labels, value);
  const disk = (i: number) => `device="sd${letter(i)}${variant % 10}"`;
  const veth = (i: number) => `device="veth${variant % 50}x${i}"`;
  const mount = (i: number) => `device="/dev/mapper/vg0-lv${i}",fstype="ext4",mountpoint="/srv/volumes/${i}"`;
  const unit = (i: number) =>
    `name="unit-${Math.floor(i / 5)}.service",state="${unitStates[i % 5]}",type="simple"`;
  return [
    counter("cpu_seconds", 256, (i) => `cpu="${i >> 3}",mode="${modes[i & 7]}"`, seconds),
    ...["reads_completed", "writes_completed", "reads_merged"].map((what) =>
      counter(`disk_${what}`, 12, disk, count),
    ),
    ...["read_bytes", "written_bytes"].map((what) => counter(`disk_${what}`, 12, disk, bytesTotal)),
    ...["avail_bytes", "free_bytes", "size_bytes"].map((what) =>
      gauges(`filesystem_${what}`, 24, mount, bytesTotal),
    ),
    ...["receive_bytes", "transmit_bytes"].map((what) => counter(`network_${what}`, 16, veth, bytesTotal)),
    ...["receive_packets", "transmit_packets"].map((what) => counter(`network_${what}`, 16, veth, count)),
    ...Array.from({ length: 48 }, (_, i) =>
      gauges(`memory_${words[i % 8]}_${i}_bytes`, 1, undefined, bytesTotal),
    ),
    gauges("load", 3, (i) => `minutes="${i}"`, gauge),
    gauges("hwmon_temp_celsius", 40, (i) => `chip="coretemp_${i >> 3}",sensor="temp${i & 7}"`, gauge),
    gauges("scrape_collector_duration_seconds", 40, (i) => `collector="collector-${i}"`, precise),
    ...Array.from({ length: 10 }, (_, i) => histogram(`http_request_duration_seconds${suffix}`, i)),
    gauges("systemd_unit_state", 150, unit, constant),
  ];
}

const words = ["Active", "Buffers", "Cached", "Dirty", "Mapped", "Slab", "Swap", "Writeback"];
const unitStates = ["active", "activating", "deactivating", "failed", "inactive"];

type LabelText = ((i: number) => string) | undefined;

function family(
  type: Family["type"],
  name: string,
  length: number,
  labels: LabelText,
  value: Line["value"],
): Family {
  const text = (i: number) => (labels === undefined ? `${name} ` : `${name}{${labels(i)}} `);
  return { name, type, lines: Array.from({ length }, (_, i) => ({ text: text(i), value })) };
}

function histogram(name: string, handler: number): Family {
  const own = `handler="/api/v1/h${handler}",method="GET"`;
  const buckets = bounds.map((le): Line => ({ text: `${name}_bucket{${own},le="${le}"} `, value: count }));
  const sum = { text: `${name}_sum{${own}} `, value: precise };
  return {
    name,
    type: "histogram",
    lines: [...buckets, sum, { text: `${name}_count{${own}} `, value: count }],
  };
}

function letter(i: number): string {
  return String.fromCharCode(97 + i);
}
