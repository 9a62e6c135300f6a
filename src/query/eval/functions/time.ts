/**
 * Functions of dates, in UTC: of the values of a vector, or of the step's time without one; and `timestamp`.
 *
 * Days are counted by arithmetic, not by Date, which ends in the year 275760; values are seconds and may be far
 * beyond. Source of the calendar: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
 */

import { Labels } from "../../../model/labels.js";
import { gridTime } from "../../plan/grid.js";
import { vectorSeries } from "../operands.js";
import { FLOAT, vector } from "../value.js";
import type { InstantFunction } from "./function-call.js";
import { mapSeries } from "./map-floats.js";

const daySeconds = 86_400;

export const hour = dateFunction((seconds) => Math.floor(secondOfDay(seconds) / 3600));
export const minute = dateFunction((seconds) => Math.floor(secondOfDay(seconds) / 60) % 60);
/** Sunday is 0. The epoch was a Thursday. */
export const dayOfWeek = dateFunction((seconds) => (((dayOf(seconds) + 4) % 7) + 7) % 7);
export const year = dateFunction((seconds) => civil(dayOf(seconds)).year);
export const month = dateFunction((seconds) => civil(dayOf(seconds)).month);
export const dayOfMonth = dateFunction((seconds) => civil(dayOf(seconds)).day);
export const dayOfYear = dateFunction((seconds) => {
  const { year, month, day } = civil(dayOf(seconds));
  const feb29 = month > 2 && isLeap(year) ? 1 : 0;
  return daysBefore[month - 1]! + day + feb29;
});
export const daysInMonth = dateFunction((seconds) => {
  const { year, month } = civil(dayOf(seconds));
  return month === 2 && isLeap(year) ? 29 : monthDays[month - 1]!;
});

/** The step's own time; the sample's where the argument is a selector, which the plan has seen to. */
export const timestamp: InstantFunction = ({ node, arguments: [operand], context }) =>
  mapSeries(vectorSeries(operand!), (_, step) => gridTime(node.grid, step) / 1000, context);

const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const daysBefore = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

function dateFunction(part: (seconds: number) => number): InstantFunction {
  return ({ node, arguments: [operand], context }) => {
    if (operand !== undefined)
      return mapSeries(vectorSeries(operand), (value) => part(wholeSeconds(value)), context);
    const column = context.budget.column(node.grid.count);
    column.present.fill(FLOAT);
    for (let step = 0; step < node.grid.count; step++) {
      column.values[step] = part(wholeSeconds(gridTime(node.grid, step) / 1000));
    }
    return vector([{ labels: Labels.empty, dropName: false, column }]);
  };
}

/** Go's conversion to an integer: what does not fit, NaN included, ends up at the same far date. */
function wholeSeconds(seconds: number): number {
  return Math.abs(seconds) < 2 ** 63 ? Math.trunc(seconds) : 2 ** 63;
}

/** Rounded, for beyond 2^53 seconds the difference is not exact. */
function dayOf(seconds: number): number {
  return Math.round((seconds - secondOfDay(seconds)) / daySeconds);
}

function secondOfDay(seconds: number): number {
  const rest = seconds % daySeconds;
  // Never -0, whose text count_values would show.
  return rest < 0 ? rest + daySeconds : Math.abs(rest);
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Days since 1970-01-01 to the Gregorian date, in eras of 400 years that begin in March. */
function civil(day: number): { readonly year: number; readonly month: number; readonly day: number } {
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  };
}
