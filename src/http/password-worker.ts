/**
 * The entry point of the thread that checks passwords: it answers one request after the other until it is ended.
 */

import { parentPort } from "node:worker_threads";
import bcrypt from "bcryptjs";
import { assert } from "../model/assert.js";

/** What the main thread sends; it is told whether the password is that of the hash. */
export interface PasswordRequest {
  readonly password: string;
  readonly hash: string;
}

assert(parentPort !== null, "this is the entry point of a thread");
const port = parentPort;
port.on("message", ({ password, hash }: PasswordRequest) =>
  port.postMessage(bcrypt.compareSync(password, hash)),
);
