import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/model/clock.js";
import { PageBuffer } from "../../src/scrape/page-buffers.js";
import { TextfileFolder } from "../../src/scrape/textfile-folder.js";
import { FakeClock } from "../support/fake-clock.js";

let directory: string;
let folder: TextfileFolder;
const options = { clock: systemClock, timeoutMs: 10_000 };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "narthex-textfile-"));
  folder = new TextfileFolder([directory], options);
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const path = (name: string) => join(directory, name);
function write(name: string, text: string, seconds = 1_700_000_000): void {
  writeFileSync(path(name), text);
  utimesSync(path(name), seconds, seconds);
}

/** The samples of the page, the directory left out of names of files. */
async function samples(): Promise<string[]> {
  const { text } = await folder.read();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => line.replace(`${directory}/`, ""));
}

describe("a folder of text files", () => {
  it("is one page of all that end with .prom, with the times at which they were written", async () => {
    write("b.prom", "b 2\n", 1_700_000_001.75);
    write("a.prom", "# TYPE a counter\na 1\n");
    write(".c.prom", "c 1\n");
    write("d.prom.tmp", "d 1\n");
    write("empty.prom", "");
    expect(await samples()).toEqual([
      "a 1",
      "b 2",
      'node_textfile_mtime_seconds{file="a.prom"} 1700000000',
      'node_textfile_mtime_seconds{file="b.prom"} 1700000001',
      'node_textfile_mtime_seconds{file="empty.prom"} 1700000000',
      "node_textfile_scrape_error 0",
    ]);
  });

  it.each([
    ["x 1\ny", "the last line does not end"],
    ["x 1\ny y\n", "line 2"],
    ["x 1 1700000000000\n", "samples with times"],
  ])("leaves a bad file out, and says why: %j", async (text, reason) => {
    write("good.prom", "good 1\n");
    write("bad.prom", text);
    expect(await samples()).toEqual([
      "good 1",
      'node_textfile_mtime_seconds{file="good.prom"} 1700000000',
      "node_textfile_scrape_error 1",
    ]);
    const { problems } = await folder.read();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`${path("bad.prom")}: `);
    expect(problems[0]).toContain(reason);
    write("bad.prom", "x 1\n");
    expect((await samples()).at(-1)).toBe("node_textfile_scrape_error 0");
  });

  it("says that a directory is missing, and reads the others", async () => {
    folder = new TextfileFolder([path("absent"), directory], options);
    write("a.prom", "a 1\n");
    const { text, problems } = await folder.read();
    expect(problems).toEqual([`${path("absent")} is no directory`]);
    expect(text).toContain("a 1\n");
    expect(text).toContain("node_textfile_scrape_error 1\n");
  });

  it("takes what replaces a file, and forgets what is gone", async () => {
    write("a.prom", "a 1\n");
    expect((await samples())[0]).toBe("a 1");
    write("a.prom.tmp", "a 2\n");
    renameSync(path("a.prom.tmp"), path("a.prom"));
    expect((await samples())[0]).toBe("a 2");
    rmSync(path("a.prom"));
    expect(await samples()).toEqual(["node_textfile_scrape_error 0"]);
  });

  it("waits for a file that grows, and takes it when it has come to rest", async () => {
    write("a.prom", "a 1\n");
    const page = samples();
    for (let i = 0; i < 4; i++) {
      await new Promise((resolve) => systemClock.schedule(20, () => resolve(undefined)));
      appendFileSync(path("a.prom"), `b_${i} 1\n`);
    }
    expect((await page).slice(0, 5)).toEqual(["a 1", "b_0 1", "b_1 1", "b_2 1", "b_3 1"]);
  });

  it("keeps what a file had while it is being written for long", async () => {
    write("a.prom", "a 1\n");
    await samples();
    let isWriting = true;
    const writer = (async () => {
      for (let i = 0; isWriting; i++) {
        appendFileSync(path("a.prom"), `b_${i} 1\n`);
        await new Promise((resolve) => systemClock.schedule(10, () => resolve(undefined)));
      }
    })();
    const { text, problems } = await folder.read();
    isWriting = false;
    await writer;
    expect(problems).toEqual([`${path("a.prom")} is being written`]);
    expect(text).toMatch(/^a 1\n#/);
  });

  it("is given up at the timeout, and read to its end for who asks again", async () => {
    expect(spawnSync("mkfifo", [path("pipe.prom")]).status).toBe(0);
    const clock = new FakeClock();
    folder = new TextfileFolder([directory], { clock, timeoutMs: 3000 });
    const buffer = new PageBuffer();
    const late = folder.readInto(buffer).catch(String);
    clock.advance(3000);
    expect(await late).toBe("UnavailableError: the files were not read within the timeout of 3s");
    expect(buffer.sizeBytes).toBe(0);
    const next = folder.readInto(buffer);
    // The pipe is looked at until it rests; then it is opened, which waits for somebody to open its other end.
    for (let isOpen = false; !isOpen; ) {
      // Only a pause between two looks passes, never the timeout.
      if (clock.nextDue! <= clock.now() + 50) clock.advance(50);
      await new Promise((resolve) => systemClock.schedule(1, () => resolve(undefined)));
      isOpen = endPipe(path("pipe.prom"));
    }
    expect(await next).toBe("prometheus");
    expect(buffer.bytes.toString()).toContain('pipe.prom"} ');
  });
});

/** Lets who waits for the pipe read that it is empty; false when nobody waits. */
function endPipe(pipe: string): boolean {
  try {
    closeSync(openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK));
    return true;
  } catch {
    return false;
  }
}
