/**
 * openYaml: a configuration file's text as the section that is its root.
 */

import { type Document, isMap, LineCounter, parseDocument, type YAMLError } from "yaml";
import { ConfigError } from "../model/errors.js";
import { YamlSection, type YamlWarning } from "./yaml-section.js";

export interface YamlFile {
  /** Undefined when the file is empty. */
  readonly root: YamlSection | undefined;
  readonly document: Document;
  /** Of all that was read until now, in the order of the file. */
  readonly warnings: () => readonly string[];
}

/** `file` is only named in messages. Throws ConfigError. */
export function openYaml(text: string, file: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problem = document.errors[0];
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw new ConfigError(
      `${file}:${line}:${col}: ${messageOf(problem)}`,
      { line, column: col },
      { cause: problem },
    );
  }
  const warnings: YamlWarning[] = [];
  const inOrder = () => warnings.toSorted((a, b) => a.line - b.line).map(({ text: warning }) => warning);
  if (document.contents === null) return { root: undefined, document, warnings: inOrder };
  if (!isMap(document.contents))
    throw new ConfigError(`${file}:1:1: the file must be a mapping`, { line: 1, column: 1 });
  const root = new YamlSection({ file, document, lines, warnings }, document.contents, "");
  return { root, document, warnings: inOrder };
}

/** What is written after `*` may be a secret that lacks its quotes. */
function messageOf({ code, message }: YAMLError): string {
  return code === "BAD_ALIAS"
    ? "there is no anchor for this alias; put text that begins with * in quotes"
    : message;
}
