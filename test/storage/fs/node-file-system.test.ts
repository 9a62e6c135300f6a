import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StorageError } from "../../../src/model/errors.js";
import { writeFileAtomically } from "../../../src/storage/fs/atomic-write.js";
import type { FileSystem } from "../../../src/storage/fs/file-system.js";
import { nodeFileSystem } from "../../../src/storage/fs/node-file-system.js";
import { isNotFound, systemErrorCode } from "../../../src/storage/fs/storage-failure.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import { seededRandom } from "../../support/seeded-random.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (content: Uint8Array) => new TextDecoder().decode(content);

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(`${tmpdir()}/narthex-fs-`);
});
afterEach(() => rm(directory, { recursive: true }));

/** Both implementations keep the same contract. */
const implementations: readonly [string, () => FileSystem][] = [
  ["nodeFileSystem", () => nodeFileSystem],
  ["MemFileSystem", () => new MemFileSystem()],
];

describe.each(implementations)("%s", (_name, make) => {
  it("writes behind the end, cuts, and reads at any position", async () => {
    const fileSystem = make();
    await fileSystem.makeDirectory(`${directory}/a/b`);
    await fileSystem.makeDirectory(`${directory}/a/b`);
    const path = `${directory}/a/b/file`;
    const created = await fileSystem.create(path);
    await created.write(bytes("0123456789"));
    await created.sync();
    await created.truncate(6);
    expect(created.size).toBe(6);
    await created.close();
    const appended = await fileSystem.openForAppend(path);
    expect(appended.size).toBe(6);
    await appended.write(bytes("abc"));
    await appended.close();
    const file = await fileSystem.openForRead(path);
    expect(file.size).toBe(9);
    const into = new Uint8Array(5);
    expect(await file.read(into, 2)).toBe(5);
    expect(text(into)).toBe("2345a");
    expect(await file.read(into, 7)).toBe(2);
    expect(await file.read(into, 9)).toBe(0);
    await file.close();
    expect(text(await fileSystem.readFile(path))).toBe("012345abc");
  });

  it("links: a second name for the same content, which stays when the first one goes", async () => {
    const fileSystem = make();
    await fileSystem.makeDirectory(`${directory}/sub`);
    await writeFileAtomically(fileSystem, `${directory}/a`, bytes("content"));
    await fileSystem.link(`${directory}/a`, `${directory}/sub/b`);
    await expect(fileSystem.link(`${directory}/a`, `${directory}/sub/b`)).rejects.toThrow(/exists already/);
    await expect(fileSystem.link(`${directory}/absent`, `${directory}/c`)).rejects.toSatisfy(isNotFound);
    await fileSystem.remove(`${directory}/a`);
    expect(text(await fileSystem.readFile(`${directory}/sub/b`))).toBe("content");
  });

  it("lists sorted names, directories with a slash", async () => {
    const fileSystem = make();
    await fileSystem.makeDirectory(`${directory}/sub`);
    await (await fileSystem.create(`${directory}/b`)).close();
    await (await fileSystem.create(`${directory}/a`)).close();
    expect(await fileSystem.list(directory)).toEqual(["a", "b", "sub/"]);
    await fileSystem.remove(`${directory}/sub`);
    await fileSystem.remove(`${directory}/absent`);
    await fileSystem.syncDirectory(directory);
    expect(await fileSystem.list(directory)).toEqual(["a", "b"]);
  });

  it("creates only what does not exist", async () => {
    const fileSystem = make();
    await fileSystem.makeDirectory(directory);
    expect(await fileSystem.createExclusive(`${directory}/lock`, "one")).toBe(true);
    expect(await fileSystem.createExclusive(`${directory}/lock`, "two")).toBe(false);
    expect(text(await fileSystem.readFile(`${directory}/lock`))).toBe("one");
    const again = await fileSystem.create(`${directory}/lock`).catch((error: unknown) => error);
    expect(again).toBeInstanceOf(StorageError);
    expect(systemErrorCode(again)).toBe("EEXIST");
    expect(await fileSystem.list(directory)).toEqual(["lock"]);
  });

  it("says what is missing", async () => {
    const fileSystem = make();
    await fileSystem.makeDirectory(directory);
    const path = `${directory}/absent`;
    const reads = [
      () => fileSystem.readFile(path),
      () => fileSystem.openForRead(path),
      () => fileSystem.list(path),
    ];
    for (const read of reads) {
      const error = await read().catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(StorageError);
      expect(isNotFound(error)).toBe(true);
      expect((error as StorageError).message).toContain(`${path}: no such file or directory`);
    }
  });

  it("renames over a file", async () => {
    const fileSystem = make();
    await fileSystem.makeDirectory(directory);
    await fileSystem.createExclusive(`${directory}/old`, "old");
    await writeFileAtomically(fileSystem, `${directory}/old`, bytes("new"));
    expect(text(await fileSystem.readFile(`${directory}/old`))).toBe("new");
    expect(await fileSystem.list(directory)).toEqual(["old"]);
  });
});

describe.each(implementations)("scratch files, %s", (_name, make) => {
  it("give back what was written, anywhere, and leave nothing", async () => {
    const fileSystem = make();
    await fileSystem.makeDirectory(directory);
    const scratch = fileSystem.createScratch(`${directory}/scratch.tmp`);
    scratch.write(Uint8Array.of(1, 2, 3), 0);
    scratch.write(Uint8Array.of(7, 8), 100);
    scratch.write(Uint8Array.of(9), 1);
    const read = (position: number, length: number) => {
      const into = new Uint8Array(length);
      scratch.read(into, position);
      return [...into];
    };
    expect(read(0, 3)).toEqual([1, 9, 3]);
    expect(read(99, 3)).toEqual([0, 7, 8]);
    scratch.close();
    scratch.close();
    expect(await fileSystem.list(directory)).toEqual([]);
  });
});

it("a scratch file says what the system refuses", () => {
  const scratch = nodeFileSystem.createScratch(`${directory}/none/scratch.tmp`);
  expect(() => scratch.write(Uint8Array.of(1), 0)).toThrow(StorageError);
  scratch.close();
});

it("the real file system says how much room there is", async () => {
  const freeBytes = await nodeFileSystem.freeBytes(tmpdir());
  expect(freeBytes).toBeGreaterThan(0);
  await expect(nodeFileSystem.freeBytes(`${tmpdir()}/no/such/place`)).rejects.toThrow("no such file");
});

describe("writeFileAtomically", () => {
  it("leaves no temporary file when it fails, and the old content", async () => {
    for (let steps = 0; steps < 3; steps++) {
      const fileSystem = new MemFileSystem();
      await fileSystem.makeDirectory("d");
      await writeFileAtomically(fileSystem, "d/file", Uint8Array.of(1));
      fileSystem.failAfter(steps, "ENOSPC");
      const written = writeFileAtomically(fileSystem, "d/file", Uint8Array.of(2, 3));
      await expect(written).rejects.toThrow("no space is left");
      expect(await fileSystem.list("d")).toEqual(["file"]);
      expect([...(await fileSystem.readFile("d/file"))]).toEqual([1]);
    }
  });

  it("leaves the old content or the new after a crash at any step, and the new once it resolved", async () => {
    for (let step = 1; step <= 7; step++) {
      for (let seed = 0; seed < 20; seed++) {
        const fileSystem = new MemFileSystem();
        await writeFileAtomically(fileSystem, "file", bytes("old content"));
        const before = fileSystem.operations;
        let crashed: MemFileSystem | undefined;
        fileSystem.onOperation = ({ index }) => {
          if (index - before === step) crashed = fileSystem.crash(seededRandom(seed));
        };
        await writeFileAtomically(fileSystem, "file", bytes("the new content"));
        const content = text(await (crashed ?? fileSystem.crash(seededRandom(seed))).readFile("file"));
        if (crashed === undefined) expect(content).toBe("the new content");
        else expect(["old content", "the new content"]).toContain(content);
      }
    }
  });
});

describe.skipIf(process.platform !== "linux")("a directory that the system refuses", () => {
  it("is told at once", async () => {
    await expect(nodeFileSystem.makeDirectory("/proc/narthex/data")).rejects.toThrow(
      "cannot create the directory",
    );
  });

  it("is one that exists as a file", async () => {
    await nodeFileSystem.createExclusive(`${directory}/file`, "");
    await expect(nodeFileSystem.makeDirectory(`${directory}/file`)).rejects.toThrow(StorageError);
    await expect(nodeFileSystem.makeDirectory(`${directory}/file/below`)).rejects.toThrow(StorageError);
  });
});
