/**
 * `--storage.tsdb.block-encoding`: of every command that writes blocks.
 */

import { Option } from "commander";

export function blockEncodingOption(): Option {
  return new Option(
    "--storage.tsdb.block-encoding <name>",
    "how blocks encode samples (default: adaptive); gorilla is for who copies them into a Prometheus",
  ).choices(["gorilla", "adaptive"]);
}
