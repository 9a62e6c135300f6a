/**
 * The options of an import as query parameters: `labels=a=b,c=d`, `metric_prefix`, `default_time`; for CSV
 * `time=COLUMN`, `time_format`, `utc_offset` (minutes), `delimiter`, `header=false`, `label_columns=a,b=c`,
 * `values=price=price_dollars`.
 */

import { definedOnly } from "../model/defined-only.js";
import { InvalidArgumentError } from "../model/errors.js";
import type { CsvOptions, ImportOptions } from "../model/importing.js";
import { parseLabelPairs, parseRenames } from "../model/name-pairs.js";
import { namingParameter, type RequestParameters } from "./request-parameters.js";

export function importOptions(parameters: RequestParameters, format: ImportOptions["format"]): ImportOptions {
  return definedOnly({
    format,
    csv: csvOptions(parameters),
    metricPrefix: parameters.optionalText("metric_prefix"),
    labels: read(parameters, "labels", parseLabelPairs),
    defaultTime: parameters.optionalTime("default_time"),
  });
}

function csvOptions(parameters: RequestParameters): CsvOptions {
  return definedOnly({
    delimiter: parameters.optionalText("delimiter"),
    hasHeader: read(parameters, "header", parseFlag),
    timeColumn: parameters.optionalText("time"),
    timeFormat: parameters.optionalText("time_format"),
    utcOffsetMinutes: read(parameters, "utc_offset", parseMinutes),
    labelColumns: read(parameters, "label_columns", parseRenames),
    valueColumns: read(parameters, "values", parseRenames),
  });
}

function parseFlag(text: string): boolean {
  if (text === "true" || text === "false") return text === "true";
  throw new InvalidArgumentError(`${JSON.stringify(text)} is neither true nor false`);
}

function parseMinutes(text: string): number {
  if (!/^[+-]?\d{1,4}$/.test(text))
    throw new InvalidArgumentError(`${JSON.stringify(text)} is not a number of minutes`);
  return Number(text);
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
