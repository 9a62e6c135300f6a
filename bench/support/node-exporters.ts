/**
 * Series like those of node_exporter on many machines: 4 to 8 labels, of which each machine repeats most.
 */

import { Labels } from "../../src/model/labels.js";

const seriesPerMachine = 1000;
const modes = ["idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"];

/** Labels of series number `i`, made anew. */
export function nodeSeriesLabels(i: number): Labels {
  const machine = Math.floor(i / seriesPerMachine);
  const n = i % seriesPerMachine;
  const own = { instance: `node-${machine}.rack-${machine % 40}.example.net:9100`, job: "node" };
  if (n < 256) {
    const cpu = String(n >>> 3);
    return Labels.from({ __name__: "node_cpu_seconds_total", cpu, mode: modes[n & 7]!, ...own });
  }
  if (n < 500) {
    const device = `sd${String.fromCharCode(97 + (n % 24))}`;
    const name = `node_disk_metric_${Math.floor((n - 256) / 24)}_total`;
    return Labels.from({ __name__: name, device, ...own });
  }
  if (n < 750) {
    const disk = n % 10;
    const name = `node_filesystem_metric_${Math.floor((n - 500) / 10)}_bytes`;
    const mount = { device: `/dev/mapper/vg0-lv${disk}`, fstype: "ext4", mountpoint: `/srv/data/${disk}` };
    return Labels.from({ __name__: name, cluster: "eu-1", ...mount, ...own, zone: `z${machine % 3}` });
  }
  return Labels.from({ __name__: `node_memory_metric_${n}_bytes`, cluster: "eu-1", ...own });
}

/** A value at step `step`: counters, gauges with two decimals, constants. */
export function nodeSeriesValue(i: number, step: number): number {
  if (i % 10 < 5) return i * 1000 + step * (i % 97) + ((step * 7919 + i) % 13);
  if (i % 10 < 8) return Math.round(5000 + 1000 * Math.sin(i + step / 20)) / 100;
  return i % 100;
}
