/**
 * The project's sources as text, for the tidy test: files, their imports, their functions.
 *
 * Works on lines, because formatted code is regular: a function ends at the first line that closes with its
 * own indentation.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

export interface SourceFile {
  /** From the root of the project, with "/". */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

export function readSources(root: string, folder: string): SourceFile[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((name) => posix.join(folder, name.replaceAll("\\", "/")))
    .filter((path) => path.endsWith(".ts") && !path.includes("/generated/") && !path.includes("/assembly/"))
    .sort()
    .map((path) => {
      const text = readFileSync(join(root, path), "utf8");
      return { path, text, lines: text.replace(/\n$/, "").split("\n") };
    });
}

/** Every module that the file names: relative ones resolved to paths of the project, without ".ts". */
export function importsOf(file: SourceFile): string[] {
  const found = file.text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^;'"]*?from\s+"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)|(?:^|\n)import\s+"([^"]+)"/g,
  );
  return [...found].map((match) => {
    const name = (match[1] ?? match[2] ?? match[3])!;
    return name.startsWith(".") ? posix.join(posix.dirname(file.path), name).replace(/\.js$/, "") : name;
  });
}

/** The code without comments and without what stands in strings, line by line. */
export function codeLines(file: SourceFile): string[] {
  const blanked = file.text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "))
    .replace(/(^|[\s;{}(,])\/\/[^\n]*/g, "$1")
    .replace(/"(?:[^"\\\n]|\\.)*"/g, '""');
  return blanked.split("\n");
}

export interface FunctionSpan {
  readonly line: number;
  readonly length: number;
  readonly title: string;
}

const functionStart =
  /^\s*(?:export\s+)?(?:default\s+)?(?:static\s+|override\s+|public\s+|private\s+|protected\s+|get\s+|set\s+)*(?:async\s+)?(?:function\b|\*?(?:#?[A-Za-z_$][\w$]*|\[Symbol\.\w+\])\s*(?:<[^>]*>)?\(|(?:const|let)\s+\w+\s*=.*=>\s*\{$)/;
/** How the first line of a function ends; a call may end in an arrow and a brace, too. */
const functionLine = /[(<]$|^\s*(?:export\s+)?(?:const|let)\b.*\{$|(?<!=>\s*)\{$/;
const noFunction = /^\s*(?:if|for|while|switch|catch|return|describe|it|else|do|try|await|throw|new)\b/;

export function functionsOf(file: SourceFile): FunctionSpan[] {
  const spans: FunctionSpan[] = [];
  for (let i = 0; i < file.lines.length; i++) {
    const line = file.lines[i]!;
    if (!functionStart.test(line) || noFunction.test(line) || !functionLine.test(line)) continue;
    const indentation = /^ */.exec(line)![0];
    const end = file.lines.findIndex(
      (other, j) =>
        j > i &&
        other.startsWith(`${indentation}}`) &&
        !other.startsWith(`${indentation}})`) &&
        !/\{$/.test(other),
    );
    if (end > i) spans.push({ line: i + 1, length: end - i + 1, title: line.trim() });
  }
  return spans;
}
