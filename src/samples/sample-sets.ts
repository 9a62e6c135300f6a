/**
 * The sample data sets: real data from the `vega-datasets` package, and how each of its files is read.
 *
 * Times without a zone are taken as UTC, so that a day of the data is a day of the query. Seattle's hourly
 * normals are the averages of 1981 to 2010, written as the year 2010.
 */

import type { ImportOptions } from "../model/importing.js";

export interface SampleSet {
  readonly title: string;
  /** In the package's `data` folder. */
  readonly file: string;
  /** A wide table is turned into one row for each of its columns first: see `unpivot`. */
  readonly unpivot?: Unpivot;
  readonly options: ImportOptions;
}

export interface Unpivot {
  /** What the names of the columns become the values of. */
  readonly label: string;
  /** Columns that are left out. */
  readonly except: readonly string[];
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
    unpivot: { label: "sector", except: ["nonfarm_change"] },
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
