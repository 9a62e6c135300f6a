/**
 * ScrapeLimitError: a page, or a whole job, is beyond a limit: nothing of it is taken.
 */

import { LimitExceededError } from "../model/errors.js";
import type { ScrapeLimitName } from "./scrape-counts.js";

export class ScrapeLimitError extends LimitExceededError {
  readonly limit: ScrapeLimitName;

  constructor(limit: ScrapeLimitName, message: string) {
    super(message);
    this.limit = limit;
  }
}
