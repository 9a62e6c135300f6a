import { describe, expect, it } from "vitest";
import {
  blockOfName,
  blockPath,
  checkpointOfName,
  checkpointPath,
  chunkFileOfName,
  chunkFilePath,
  isTemporaryName,
  parentPath,
  segmentOfName,
  segmentPath,
  temporaryPath,
  walPath,
} from "../../../src/storage/fs/data-directory.js";

const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);

describe("names of the data directory", () => {
  it("are recognised as what they were built for, and as nothing else", () => {
    const wal = walPath("data");
    const names = {
      segment: nameOf(segmentPath(wal, 12)),
      checkpoint: nameOf(checkpointPath(wal, 12)),
      block: `${nameOf(blockPath("data", "01J8ZQ5V6N3W4X7Y8Z9ABCDEFG"))}/`,
    };
    const recognisers = { segment: segmentOfName, checkpoint: checkpointOfName, block: blockOfName };
    for (const [kind, recognise] of Object.entries(recognisers)) {
      for (const [name, text] of Object.entries(names)) {
        expect(recognise(text) !== undefined, `${text} as ${kind}`).toBe(kind === name);
        expect(recognise(temporaryPath(text))).toBeUndefined();
      }
    }
    expect(segmentPath(wal, 1)).toBe("data/wal/00000001");
    expect(segmentOfName("00000012")).toBe(12);
    expect(segmentOfName(nameOf(segmentPath(wal, 123_456_789)))).toBe(123_456_789);
    expect(checkpointOfName(names.checkpoint)).toBe(12);
    expect(blockOfName(names.block)).toBe("01J8ZQ5V6N3W4X7Y8Z9ABCDEFG");
    expect(chunkFilePath("data/block", 1)).toBe("data/block/chunks/000001");
    expect(chunkFileOfName("000001")).toBe(1);
  });

  it("tell temporary files and directories", () => {
    expect(isTemporaryName("checkpoint.00000001.tmp")).toBe(true);
    expect(isTemporaryName("01J8ZQ5V6N3W4X7Y8Z9ABCDEFG.tmp/")).toBe(true);
    expect(isTemporaryName("tmp")).toBe(false);
  });

  it("know what holds a path", () => {
    expect(parentPath("data/wal")).toBe("data");
    expect(parentPath("data")).toBe(".");
    expect(parentPath(".")).toBe(".");
    expect(parentPath("/data")).toBe("/");
    expect(parentPath("/")).toBe("/");
  });
});
