import { describe, expect, it } from "vitest";
import {
  CorruptionError,
  DiskFullError,
  NotImplementedError,
  StorageError,
  type TsdbError,
  WriteRefusedError,
} from "../../../src/model/errors.js";
import { decodeFailure, encodeFailure } from "../../../src/storage/compaction/sent-failure.js";

const sent = (error: TsdbError) => decodeFailure(structuredClone(encodeFailure(error)));

describe("an error that goes to another thread", () => {
  it.each([
    new CorruptionError("a checksum is wrong", { file: "db/1/index", offset: 70 }),
    new CorruptionError("a file is missing", { file: "db/1/index" }),
    new CorruptionError("it ends too soon"),
    new DiskFullError("cannot write db/1/index: no space is left on the device"),
    new StorageError("cannot read db/1/index: permission denied"),
    new NotImplementedError("chunk encoding 7"),
  ])("keeps class, message and place: %s", (error) => {
    const received = sent(error);
    expect(received).toBeInstanceOf(error.constructor);
    expect({ ...received, message: received.message }).toEqual({ ...error, message: error.message });
  });

  it("says at least what it said when no merge throws its class", () => {
    expect(sent(new WriteRefusedError("no room"))).toMatchObject({ code: "unavailable", message: "no room" });
  });
});
