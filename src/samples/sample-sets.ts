/**
 * The sample data sets: real data from the `vega-datasets` package, and how each of its files is read.
 *
 * Times without a zone are taken as UTC, so that a day of the data is a day of the query. Seattle's hourly
 * normals are the averages of 1981 to 2010, written as the year 2010.
 */

import type { ImportOptions } from "../api.js";

export interface SampleSet {
  readonly title: string;
  /** In the package's `data` folder. */
  readonly file: string;
  /** A wide table is turned into one row for each of its columns first; this names the columns' label. */
  readonly unpivotLabel?: string;
  readonly options: ImportOptions;
}

export const sampleSets: readonly SampleSet[] = [
  {
    title: "Seattle weather, hourly",
    file: "seattle-weather-hourly-normals.csv",
    options: {
      format: "csv",
      csv: {
        timeColumn: "date",
        valueColumns: {
          pressure: "seattle_pressure_hectopascals",
          temperature: "seattle_temperature_celsius",
          wind: "seattle_wind_metres_per_second",
        },
      },
    },
  },
  {
    title: "Stock prices, monthly",
    file: "stocks.csv",
    options: {
      format: "csv",
      csv: {
        timeColumn: "date",
        timeFormat: "MMM d yyyy",
        labelColumns: { symbol: "symbol" },
        valueColumns: { price: "stock_price_dollars" },
      },
    },
  },
  {
    title: "US employment, monthly",
    file: "us-employment.csv",
    unpivotLabel: "sector",
    options: {
      format: "csv",
      csv: {
        timeColumn: "month",
        labelColumns: { sector: "sector" },
        valueColumns: { value: "us_employment_thousands" },
      },
    },
  },
  {
    title: "CO2 at Mauna Loa, monthly since 1958",
    file: "co2-concentration.csv",
    options: {
      format: "csv",
      csv: {
        timeColumn: "Date",
        valueColumns: {
          CO2: "co2_concentration_ppm",
          "adjusted CO2": "co2_concentration_seasonally_adjusted_ppm",
        },
      },
    },
  },
];
