import { describe, expect, it } from "vitest";
import { StorageError } from "../../src/model/errors.js";
import type { FileSystem } from "../../src/storage/fs/file-system.js";
import { systemErrorCode } from "../../src/storage/fs/storage-failure.js";
import { MemFileSystem } from "./mem-file-system.js";
import { seededRandom } from "./seeded-random.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const loseAll = () => 0;
const keepAll = () => 0.999;

async function textOf(fileSystem: FileSystem, path: string): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await fileSystem.readFile(path));
  } catch (error) {
    expect(error).toBeInstanceOf(StorageError);
    expect(systemErrorCode(error)).toBe("ENOENT");
    return undefined;
  }
}

/** A file with durable name; "durable" is synced, "loose" is not. */
async function halfSynced(): Promise<MemFileSystem> {
  const fileSystem = new MemFileSystem();
  const file = await fileSystem.create("file");
  await file.write(bytes("durable"));
  await file.sync();
  await fileSystem.syncDirectory(".");
  await file.write(bytes("loose"));
  return fileSystem;
}

describe("MemFileSystem.crash", () => {
  it("keeps what was synced and loses, keeps or tears what was not", async () => {
    const fileSystem = await halfSynced();
    expect(await textOf(fileSystem.crash(loseAll), "file")).toBe("durable");
    expect(await textOf(fileSystem.crash(keepAll), "file")).toBe("durableloose");
    const seen = new Set<string | undefined>();
    for (let seed = 0; seed < 200; seed++)
      seen.add(await textOf(fileSystem.crash(seededRandom(seed)), "file"));
    for (const rest of ["", "l", "lo", "loo", "loos", "loose"]) expect(seen).toContain(`durable${rest}`);
    expect(seen.size).toBe(6);
    expect(await textOf(fileSystem, "file")).toBe("durableloose");
  });

  it("leaves zeros where an unsynced write was lost before one that was kept", async () => {
    const fileSystem = await halfSynced();
    const file = await fileSystem.openForAppend("file");
    await file.write(bytes("late"));
    const fates = [0, 0.999];
    expect(
      await textOf(
        fileSystem.crash(() => fates.shift()!),
        "file",
      ),
    ).toBe("durable\0\0\0\0\0late");
  });

  it("loses a name that was not synced, with the file's synced content", async () => {
    const fileSystem = new MemFileSystem();
    const file = await fileSystem.create("file");
    await file.write(bytes("content"));
    await file.sync();
    expect(await textOf(fileSystem.crash(loseAll), "file")).toBeUndefined();
    expect(await textOf(fileSystem.crash(keepAll), "file")).toBe("content");
  });

  it("loses a directory that was not synced with all that is in it", async () => {
    const fileSystem = new MemFileSystem();
    await fileSystem.makeDirectory("a/b");
    const file = await fileSystem.create("a/b/file");
    await file.sync();
    await fileSystem.syncDirectory("a/b");
    await fileSystem.syncDirectory("a");
    expect(await fileSystem.crash(loseAll).list(".")).toEqual([]);
    await fileSystem.syncDirectory(".");
    expect(await fileSystem.crash(loseAll).list("a/b")).toEqual(["file"]);
  });

  it("does or undoes an unsynced rename as a whole, the replaced file included", async () => {
    const fileSystem = await halfSynced();
    await fileSystem.create("new");
    await fileSystem.syncDirectory(".");
    await fileSystem.rename("new", "file");
    expect(await textOf(fileSystem, "file")).toBe("");
    const lost = fileSystem.crash(loseAll);
    expect(await lost.list(".")).toEqual(["file", "new"]);
    expect(await textOf(lost, "file")).toBe("durable");
    const kept = fileSystem.crash(keepAll);
    expect(await kept.list(".")).toEqual(["file"]);
    expect(await textOf(kept, "file")).toBe("");
  });

  it("brings a removed file back unless the directory was synced", async () => {
    const fileSystem = await halfSynced();
    await fileSystem.remove("file");
    expect(await textOf(fileSystem.crash(loseAll), "file")).toBe("durable");
    await fileSystem.syncDirectory(".");
    expect(await textOf(fileSystem.crash(loseAll), "file")).toBeUndefined();
  });

  it("gives the same for the same seed", async () => {
    const fileSystem = await halfSynced();
    const first = await textOf(fileSystem.crash(seededRandom(7)), "file");
    expect(await textOf(fileSystem.crash(seededRandom(7)), "file")).toBe(first);
  });

  it("gives a file system on which what survived is durable", async () => {
    const crashed = (await halfSynced()).crash(keepAll);
    expect(await textOf(crashed.crash(loseAll), "file")).toBe("durableloose");
  });
});

describe("MemFileSystem.kill", () => {
  it("keeps every write and name, as unsynced as they were", async () => {
    const fileSystem = await halfSynced();
    await fileSystem.create("unsynced");
    await fileSystem.rename("file", "renamed");
    const killed = fileSystem.kill();
    expect(await killed.list(".")).toEqual(["renamed", "unsynced"]);
    expect(await textOf(killed, "renamed")).toBe("durableloose");
    const crashed = killed.crash(loseAll);
    expect(await crashed.list(".")).toEqual(["file"]);
    expect(await textOf(crashed, "file")).toBe("durable");
  });

  it("is not touched by what the old process does later", async () => {
    const fileSystem = await halfSynced();
    const killed = fileSystem.kill();
    await (await fileSystem.openForAppend("file")).write(bytes("more"));
    await fileSystem.remove("file");
    expect(await textOf(killed, "file")).toBe("durableloose");
  });
});

describe("MemFileSystem faults", () => {
  it("runs out of space in the middle of a write, and recovers", async () => {
    const fileSystem = new MemFileSystem();
    const file = await fileSystem.create("file");
    fileSystem.failAfter(1, "ENOSPC");
    await file.write(bytes("fits"));
    const failed = file.write(bytes("fits not"));
    await expect(failed).rejects.toThrow("cannot write file: no space is left on the device");
    expect(await textOf(fileSystem, "file")).toBe("fitsfits");
    fileSystem.heal();
    await file.write(bytes("!"));
    expect(file.size).toBe(9);
  });

  it("never makes durable what a failed sync left in doubt", async () => {
    const fileSystem = await halfSynced();
    const file = await fileSystem.openForAppend("file");
    fileSystem.failAfter(0, "sync");
    await expect(file.sync()).rejects.toThrow(StorageError);
    fileSystem.heal();
    await file.sync();
    expect(await textOf(fileSystem.crash(loseAll), "file")).toBe("durable");
  });

  it("fails reads on EIO", async () => {
    const fileSystem = await halfSynced();
    fileSystem.failAfter(0, "EIO");
    await expect(fileSystem.readFile("file")).rejects.toThrow("the device reports an input/output error");
  });

  it("counts operations and shows each before it takes effect", async () => {
    const fileSystem = new MemFileSystem();
    const seen: string[] = [];
    fileSystem.onOperation = ({ index, kind, path }) => seen.push(`${index} ${kind} ${path}`);
    const file = await fileSystem.create("file");
    await file.write(bytes("x"));
    await file.sync();
    expect(seen).toEqual(["1 create file", "2 write file", "3 sync file"]);
    expect(fileSystem.operations).toBe(3);
  });
});
