import { describe, expect, it } from "vitest";
import type { Journal } from "../../src/model/journal.js";
import { copyJournals, Journals, type JournalsOptions } from "../../src/storage/journal.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemFileSystem, type Operation } from "../support/mem-file-system.js";
import { seededRandom } from "../support/seeded-random.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function journalOptions(fileSystem: MemFileSystem, losses: string[] = []): JournalsOptions {
  return {
    fileSystem,
    directory: "data",
    durability: "commit",
    durabilityIntervalMs: 100,
    clock: new FakeClock(),
    onLoss: (message) => losses.push(message),
  };
}

interface Opened {
  readonly journal: Journal;
  readonly journals: Journals;
  readonly texts: readonly string[];
  readonly losses: readonly string[];
}

async function open(fileSystem: MemFileSystem, name = "sums"): Promise<Opened> {
  const losses: string[] = [];
  const journals = new Journals(journalOptions(fileSystem, losses));
  const texts: string[] = [];
  const journal = await journals.open(name, (record) => texts.push(decoder.decode(record)));
  return { journal, journals, texts, losses };
}

const record = (text: string) => encoder.encode(text);

describe("a journal", () => {
  it("gives back what was appended, in order, when it is opened again", async () => {
    const fileSystem = new MemFileSystem();
    const first = await open(fileSystem);
    expect(first.texts).toEqual([]);
    await Promise.all(["a", "b", "c"].map((text) => first.journal.append(record(text))));
    await first.journals.close();
    const second = await open(fileSystem);
    expect(second.texts).toEqual(["a", "b", "c"]);
    await second.journal.append(record("d"));
    await second.journals.close();
    expect((await open(fileSystem)).texts).toEqual(["a", "b", "c", "d"]);
  });

  it("has what a rewrite says, and what was appended behind it", async () => {
    const fileSystem = new MemFileSystem();
    const { journal, journals } = await open(fileSystem);
    await journal.append(record("1"));
    await journal.append(record("2"));
    const rewriting = journal.rewrite([record("sum of 1 and 2")]);
    await journal.append(record("3"));
    await rewriting;
    await journals.close();
    const again = await open(fileSystem);
    expect(again.texts).toEqual(["sum of 1 and 2", "3"]);
    await again.journal.rewrite([record("6")]);
    await again.journal.rewrite([record("six")]);
    await again.journals.close();
    expect((await open(fileSystem)).texts).toEqual(["six"]);
  });

  it("may be rewritten while it is empty", async () => {
    const fileSystem = new MemFileSystem();
    const { journal, journals } = await open(fileSystem);
    await journal.rewrite([]);
    await journals.close();
    expect((await open(fileSystem)).texts).toEqual([]);
  });

  it("stands beside others", async () => {
    const fileSystem = new MemFileSystem();
    const journals = new Journals(journalOptions(fileSystem));
    const sums = await journals.open("sums", () => {});
    const groups = await journals.open("groups", () => {});
    await Promise.all([sums.append(record("s")), groups.append(record("g"))]);
    await journals.close();
    expect((await open(fileSystem, "sums")).texts).toEqual(["s"]);
    expect((await open(fileSystem, "groups")).texts).toEqual(["g"]);
  });

  it("is opened once, under a name that a directory may have, while the database is open", async () => {
    const { journals } = await open(new MemFileSystem());
    await expect(journals.open("sums", () => {})).rejects.toThrow(/open already/);
    await expect(journals.open("../wal", () => {})).rejects.toThrow(/must be lower-case letters/);
    await journals.close();
    await expect(journals.open("groups", () => {})).rejects.toThrow(/closed/);
  });

  it("tells of what it cannot read and gives the rest", async () => {
    const fileSystem = new MemFileSystem();
    const { journal, journals } = await open(fileSystem);
    for (const text of ["first", "second", "third"]) await journal.append(record(text));
    await journals.close();
    const path = "data/journals/sums/00000001";
    const bytes = await fileSystem.readFile(path);
    const at = decoder.decode(bytes).indexOf("second");
    bytes[at] = bytes[at]! ^ 1;
    await fileSystem.remove(path);
    const file = await fileSystem.create(path);
    await file.write(bytes);
    await file.close();
    const again = await open(fileSystem);
    expect(again.texts).toEqual(["first", "third"]);
    expect(again.losses).toEqual([
      expect.stringMatching(/journals\/sums\/00000001 at byte \d+: the checksum/),
    ]);
  });

  it("has the old records or the new ones after a crash at any step of a rewrite", async () => {
    for (let crashAt = 1; ; crashAt++) {
      const fileSystem = new MemFileSystem();
      const { journal, journals } = await open(fileSystem);
      await journal.append(record("old 1"));
      await journal.append(record("old 2"));
      const begin = fileSystem.operations;
      let crashed: MemFileSystem | undefined;
      fileSystem.onOperation = ({ index }: Operation) => {
        if (index === begin + crashAt) crashed = fileSystem.crash(seededRandom(crashAt));
      };
      await journal.rewrite([record("new")]);
      const isEnd = crashed === undefined;
      fileSystem.onOperation = undefined;
      await journals.close();
      const { texts, losses } = await open(crashed ?? fileSystem);
      expect(losses).toEqual([]);
      expect([["old 1", "old 2"], ["new"]]).toContainEqual(texts);
      if (isEnd) break;
    }
  });
});

describe("a copy of journals", () => {
  it("has what each of them held, also one that is not open, and nothing of what comes later", async () => {
    const fileSystem = new MemFileSystem();
    const groups = await open(fileSystem, "groups");
    await groups.journal.append(record("g"));
    await groups.journals.close();
    const { journal, journals } = await open(fileSystem);
    await journal.append(record("1"));
    await journal.rewrite([record("one")]);
    await journal.append(record("2"));
    await copyJournals(fileSystem, "data", "copy");
    await journal.append(record("3"));
    await journals.close();
    const copied = new Journals({ ...journalOptions(fileSystem), directory: "copy" });
    const texts: string[] = [];
    for (const name of ["groups", "sums"])
      await copied.open(name, (each) => texts.push(decoder.decode(each)));
    expect(texts).toEqual(["g", "one", "2"]);
  });

  it("holds what was appended before it when a rewrite takes the files away meanwhile", async () => {
    const fileSystem = new MemFileSystem();
    const { journal } = await open(fileSystem);
    await journal.append(record("1"));
    await journal.append(record("2"));
    let rewritten = 0;
    const slow = new Proxy(fileSystem, {
      get(target, name: keyof MemFileSystem) {
        const member = target[name];
        if (name !== "list") return typeof member === "function" ? member.bind(target) : member;
        return async (path: string) => {
          const names = await target.list(path);
          if (path.endsWith("/sums") && rewritten++ === 0) await journal.rewrite([record("one, 2")]);
          return names;
        };
      },
    });
    await copyJournals(slow, "data", "copy");
    expect(rewritten).toBeGreaterThan(1);
    const copied = new Journals({ ...journalOptions(fileSystem), directory: "copy" });
    const texts: string[] = [];
    await copied.open("sums", (each) => texts.push(decoder.decode(each)));
    expect(texts).toEqual(["one, 2"]);
  });
});
