import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  fileExists,
  fileVersion,
  listFiles,
  openFileStream,
  readTextFile,
  watchDirectory,
} from "../src/local-files.js";
import { StorageError } from "../src/model/errors.js";

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(`${tmpdir()}/narthex-files-`);
  await writeFile(`${directory}/marked.csv`, "\ufefftime,value\n");
  await writeFile(`${directory}/large`, new Uint8Array(600_000).fill(7));
});
afterAll(() => rm(directory, { recursive: true }));

describe("local files", () => {
  it("are read as text without a byte order mark", async () => {
    expect(await readTextFile(`${directory}/marked.csv`)).toBe("time,value\n");
  });

  it("are streamed in pieces, with their size", async () => {
    const { stream, sizeBytes } = await openFileStream(`${directory}/large`);
    let pieces = 0;
    let bytes = 0;
    for await (const piece of stream) {
      pieces++;
      bytes += piece.length;
    }
    expect([sizeBytes, bytes]).toEqual([600_000, 600_000]);
    expect(pieces).toBeGreaterThan(1);
  });

  it("are there or not", async () => {
    expect(await fileExists(`${directory}/large`)).toBe(true);
    expect(await fileExists(`${directory}/absent`)).toBe(false);
  });

  it("are listed by directory, none of one that is not there", async () => {
    expect(await listFiles(directory)).toEqual(["large", "marked.csv"]);
    expect(await listFiles(`${directory}/absent`)).toEqual([]);
    await expect(listFiles(`${directory}/large`)).rejects.toThrow(StorageError);
  });

  it("have another version when they were written again", async () => {
    const before = await fileVersion(`${directory}/marked.csv`);
    expect(before).toEqual(await fileVersion(`${directory}/marked.csv`));
    expect(before.sizeBytes).toBe(14);
    await expect(fileVersion(`${directory}/absent`)).rejects.toThrow(StorageError);
  });

  it("tell who watches their directory that they change", async () => {
    const changed = new Promise<void>((resolve) => {
      const close = watchDirectory(directory, () => {
        close();
        resolve();
      });
    });
    await writeFile(`${directory}/marked.csv`, "\ufefftime,value\n");
    await changed;
    watchDirectory(`${directory}/absent`, () => {})();
  });

  it("that cannot be read are refused in a sentence", async () => {
    const absent = `${directory}/absent`;
    const sentence = `cannot read ${absent}: no such file or directory`;
    for (const read of [readTextFile, openFileStream]) {
      const error = await read(absent).catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(StorageError);
      expect(error).toMatchObject({ message: sentence });
    }
    await expect(openFileStream(directory)).rejects.toThrow("it is a directory");
    await expect(readTextFile(directory)).rejects.toThrow("it is a directory");
    await expect(fileExists(`${directory}/large/below`)).resolves.toBe(false);
  });
});
