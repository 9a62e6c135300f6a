/**
 * PushStoppedError: a body was left in its middle, because its sender has had far more than its rate allows. What was
 * read before is stored, and counted; the rest was not looked at.
 */

import { LimitExceededError } from "../../model/errors.js";
import type { PushResult } from "./push.js";

export class PushStoppedError extends LimitExceededError {
  /** Of what was read. */
  readonly result: PushResult;

  constructor(message: string, result: PushResult) {
    super(message);
    this.result = result;
  }
}
