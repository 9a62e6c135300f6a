/**
 * The options of an import as query parameters: `time=COLUMN`, `time_format`, `utc_offset` (minutes), `delimiter`,
 * `labels=a=b,c=d`, `label_columns=a,b=c`, `values=price=price_dollars`, `metric_prefix`, `default_time`.
 */

import type { CsvOptions, ImportOptions } from "../api.js";
import { parseLabelPairs, parseRenames } from "../model/name-pairs.js";
import { invalidParameter, namingParameter, type RequestParameters } from "./request-parameters.js";

export function importOptions(parameters: RequestParameters, format: ImportOptions["format"]): ImportOptions {
  const metricPrefix = parameters.optionalText("metric_prefix");
  const labels = read(parameters, "labels", parseLabelPairs);
  const defaultTime = parameters.optionalTime("default_time");
  return {
    ...(format === undefined ? {} : { format }),
    csv: csvOptions(parameters),
    ...(metricPrefix === undefined ? {} : { metricPrefix }),
    ...(labels === undefined ? {} : { labels }),
    ...(defaultTime === undefined ? {} : { defaultTime }),
  };
}

function csvOptions(parameters: RequestParameters): CsvOptions {
  const delimiter = parameters.optionalText("delimiter");
  const timeColumn = parameters.optionalText("time");
  const timeFormat = parameters.optionalText("time_format");
  const utcOffset = parameters.optionalText("utc_offset");
  const labelColumns = read(parameters, "label_columns", parseRenames);
  const valueColumns = read(parameters, "values", parseRenames);
  if (utcOffset !== undefined && !/^[+-]?\d{1,4}$/.test(utcOffset))
    throw invalidParameter("utc_offset", `${JSON.stringify(utcOffset)} is not a number of minutes`);
  return {
    ...(delimiter === undefined ? {} : { delimiter }),
    ...(timeColumn === undefined ? {} : { timeColumn }),
    ...(timeFormat === undefined ? {} : { timeFormat }),
    ...(utcOffset === undefined ? {} : { utcOffsetMinutes: Number(utcOffset) }),
    ...(labelColumns === undefined ? {} : { labelColumns }),
    ...(valueColumns === undefined ? {} : { valueColumns }),
  };
}

function read<T>(parameters: RequestParameters, name: string, parse: (text: string) => T): T | undefined {
  const text = parameters.optionalText(name);
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (error) {
    throw namingParameter(name, error);
  }
}
