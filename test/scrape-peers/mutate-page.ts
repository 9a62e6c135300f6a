/**
 * Pages spoilt in the ways that targets, proxies and attackers spoil them.
 */

import type { Dice } from "../differential/dice.js";
import { lines, names, numbers, quoted, times } from "./interesting.js";
import type { PageKind } from "./random-page.js";

/** The page with one or a few changes. */
export function mutatePage(page: Buffer, kind: PageKind, dice: Dice): Buffer {
  const count = dice.chance(0.6) ? 1 : 1 + dice.integer(4);
  let changed = page;
  for (let i = 0; i < count; i++)
    changed =
      kind === "protobuf" || dice.chance(0.25) ? mutateBytes(changed, dice) : mutateText(changed, dice);
  return changed;
}

const bytes = [
  ..."\0\t\r\n \"\\{},=#'+-._eExXpP019aZ:".split(""),
  "\x7f",
  "\x80",
  "\xc3",
  "\xe2",
  "\xff",
].map((text) => text.charCodeAt(0));

function mutateBytes(page: Buffer, dice: Dice): Buffer {
  const at = dice.integer(page.length + 1);
  const byte = dice.chance(0.8) ? dice.pick(bytes) : dice.integer(256);
  switch (dice.weighted({ replace: 4, insert: 3, remove: 3, flip: 2, cut: 1, repeat: 1 })) {
    case "replace":
      return splice(page, at, 1, Buffer.from([byte]));
    case "insert":
      return splice(page, at, 0, Buffer.from([byte]));
    case "remove":
      return splice(page, at, 1 + dice.integer(4), Buffer.alloc(0));
    case "flip":
      return splice(page, at, 1, Buffer.from([(page[at] ?? 0) ^ (1 << dice.integer(8))]));
    case "cut":
      return page.subarray(0, at);
    case "repeat":
      return splice(page, at, 0, page.subarray(at, at + dice.integer(40)));
  }
}

function splice(page: Buffer, at: number, removed: number, added: Buffer): Buffer {
  return Buffer.concat([page.subarray(0, at), added, page.subarray(at + removed)]);
}

const numberWord = /(?<=[ \t])[+-]?[0-9][^\s"{}]*(?=\s|$)/g;
const quotedWord = /(?<=")[^"\n]*(?=")/g;
const nameWord = /[a-zA-Z_:][a-zA-Z0-9_:]*/g;

const changes = { number: 5, time: 3, quoted: 3, name: 2, line: 6, remove: 1, repeat: 2, swap: 1, ends: 2 };

function mutateText(page: Buffer, dice: Dice): Buffer {
  const all = page.toString("latin1").split("\n");
  const at = dice.integer(all.length);
  const line = all[at]!;
  const put = (...replacement: string[]) => {
    all.splice(at, 1, ...replacement);
    return Buffer.from(all.join("\n"), "latin1");
  };
  switch (dice.weighted(changes)) {
    case "number":
      return put(replaceOne(line, numberWord, latin1(dice.pick(numbers)), dice));
    case "time":
      return put(`${line} ${latin1(dice.pick(times))}`);
    case "quoted":
      return put(replaceOne(line, quotedWord, latin1(dice.pick(quoted)), dice));
    case "name":
      return put(replaceOne(line, nameWord, latin1(dice.pick(names)), dice));
    case "line":
      return put(latin1(dice.pick(lines)), line);
    case "remove":
      return put();
    case "repeat":
      return put(line, line);
    case "swap":
      return put(all[(at + 1) % all.length]!);
    case "ends":
      return spoilEnds(all, at, dice);
  }
}

function spoilEnds(all: readonly string[], at: number, dice: Dice): Buffer {
  const text = all.join("\n");
  switch (dice.integer(5)) {
    case 0:
      return Buffer.from(text.replace(/\n$/, ""), "latin1");
    case 1:
      return Buffer.from(all.map((line, i) => (i === at ? `${line}\r` : line)).join("\n"), "latin1");
    case 2:
      return Buffer.from(all.join("\r\n"), "latin1");
    case 3:
      return Buffer.concat([Buffer.from("\ufeff"), Buffer.from(text, "latin1")]);
    default:
      return Buffer.from(`${text}\n`, "latin1");
  }
}

function replaceOne(line: string, words: RegExp, replacement: string, dice: Dice): string {
  const found = [...line.matchAll(words)];
  if (found.length === 0) return line;
  const { index, 0: word } = dice.pick(found);
  return line.slice(0, index) + replacement + line.slice(index + word.length);
}

/** UTF-8 as one character per byte. */
function latin1(text: string): string {
  return Buffer.from(text).toString("latin1");
}
