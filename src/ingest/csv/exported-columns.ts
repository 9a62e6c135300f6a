/**
 * exportedColumns: the roles of the columns of a CSV file that `narthex export` wrote: `time`, a column for each label,
 * the metric's name among them, and `value`. Every sample comes back as it was, also where a label looks like a number.
 */

import type { CsvOptions } from "../../model/importing.js";
import { METRIC_NAME } from "../../model/labels.js";
import type { ColumnPlan } from "./plan-columns.js";
import { timeFormatOf } from "./time-format.js";

/** What the export writes in place of the value of a staleness marker. */
const staleText = "stale";

/** `header` as it stands in the file. Undefined for other files, and when the options give a column a role. */
export function exportedColumns(header: readonly string[], options: CsvOptions): ColumnPlan | undefined {
  const { timeColumn, timeFormat, labelColumns, valueColumns } = options;
  const roles = [timeColumn, timeFormat, labelColumns, valueColumns];
  const labelNames = header.slice(1, -1);
  const isExport =
    header[0] === "time" &&
    header.at(-1) === "value" &&
    labelNames.includes(METRIC_NAME) &&
    new Set(labelNames).size === labelNames.length;
  if (!isExport || roles.some((role) => role !== undefined)) return undefined;
  return {
    time: { index: 0, format: timeFormatOf("rfc3339", 0) },
    labels: labelNames.map((labelName, i) => ({ index: i + 1, labelName })),
    values: [{ index: header.length - 1, metricName: undefined }],
    staleText,
  };
}
