/**
 * What the text of a cell says: nothing, or a number; and metric and label names made of column names.
 */

import { parseFloatText } from "../../model/float-text.js";

const emptyCells: ReadonlySet<string> = new Set(["", "-", "na", "n/a", "#n/a", "nan", "null", "none", "nil"]);

/** Whether the cell holds nothing: it is empty, or says so. */
export function isEmptyCell(cell: string): boolean {
  return cell.length <= 4 && emptyCells.has(cell.toLowerCase());
}

/** Undefined when the cell is no number. With `hasDecimalComma`, `1,5` is one as well as `1.5`. */
export function numberOfCell(cell: string, hasDecimalComma: boolean): number | undefined {
  return parseFloatText(hasDecimalComma && !cell.includes(".") ? cell.replace(",", ".") : cell);
}

/** `Adjusted CO2 (ppm)` becomes `adjusted_co2_ppm`. Empty when nothing of the name can be kept. */
export function metricNameOf(columnName: string, metricPrefix: string): string {
  const name = columnName
    .toLowerCase()
    .replace(/[^a-z0-9_:]+/g, "_")
    .replace(/^_+|_+$/g, "");
  return metricPrefix === "" && startsWithDigit(name) ? `_${name}` : name;
}

/** The same for a label, without colons. */
export function labelNameOf(columnName: string): string {
  return metricNameOf(columnName.replaceAll(":", "_"), "");
}

function startsWithDigit(name: string): boolean {
  return name >= "0" && name < ":";
}
