/**
 * openYaml: a configuration file's text as the section that is its root.
 */

import { type Document, isMap, isScalar, LineCounter, parseDocument, type YAMLError } from "yaml";
import { ConfigError } from "../model/errors.js";
import { YamlSection, type YamlWarning } from "./yaml-section.js";

export interface YamlFile {
  /** Undefined when the file is empty. */
  readonly root: YamlSection | undefined;
  readonly document: Document;
  /** Of all that was read until now, in the order of the file. */
  readonly warnings: () => readonly string[];
}

/**
 * `file` is only named in messages. What follows the first document is not read, as in Prometheus, with a warning; or it is
 * refused, where what is left out would be missed. Throws ConfigError.
 */
export function openYaml(text: string, file: string, isFirstEnough = true): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problem = document.errors[0];
  const isFollowed = problem?.code === "MULTIPLE_DOCS" && isFirstEnough;
  if (problem !== undefined && !isFollowed) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw new ConfigError(
      `${file}:${line}:${col}: ${messageOf(problem)}`,
      { line, column: col },
      { cause: problem },
    );
  }
  const warnings: YamlWarning[] = [];
  if (isFollowed) {
    // As in Prometheus.
    const { line } = lines.linePos(problem.pos[0]);
    const text = `${file}:${line}: a second document begins, which is not read: join the two, without --- between them`;
    warnings.push({ line, text });
  }
  const inOrder = () => warnings.toSorted((a, b) => a.line - b.line).map(({ text: warning }) => warning);
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null))
    return { root: undefined, document, warnings: inOrder };
  if (!isMap(contents))
    throw new ConfigError(`${file}:1:1: the file must be a mapping`, { line: 1, column: 1 });
  const root = new YamlSection({ file, document, lines, warnings }, contents, "");
  return { root, document, warnings: inOrder };
}

/** What is written after `*` may be a secret that lacks its quotes. */
function messageOf({ code, message }: YAMLError): string {
  if (code === "BAD_ALIAS") return "there is no anchor for this alias; put text that begins with * in quotes";
  return code === "MULTIPLE_DOCS"
    ? "a second document begins: join the two, without --- between them"
    : message;
}
