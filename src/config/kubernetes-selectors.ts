/**
 * labelSelectorProblem, fieldSelectorProblem: what is wrong with a selector, judged as an API server would.
 *
 *   label   app=shop, tier in (front, back), !canary, replicas>2
 *   field   spec.nodeName=a,status.phase!=Failed; commas and equals signs of values are escaped by a backslash
 *
 * Source: Kubernetes documentation, "Labels and Selectors", "Field Selectors"; apimachinery for what they do not say.
 */

/** Undefined when nothing is wrong. */
export function labelSelectorProblem(selector: string): string | undefined {
  const tokens = [...selector.matchAll(/[=!<>(),]+|[^\s=!<>(),]+/g)].flatMap(([text]) => symbolsOf(text));
  let place = 0;
  const isEnd = () => place === tokens.length;
  const take = (...symbols: string[]) =>
    place < tokens.length && symbols.includes(tokens[place]!) ? tokens[place++] : undefined;
  const word = () =>
    place < tokens.length && !/^[=!<>(),]/.test(tokens[place]!) ? tokens[place++] : undefined;

  function requirement(): string | undefined {
    const isAbsent = take("!") !== undefined;
    const key = word();
    if (key === undefined) return "a label is missing";
    if (!isQualifiedName(key)) return `"${key}" is no name of a label`;
    if (isAbsent || isEnd() || tokens[place] === ",") return undefined;
    if (take("in", "notin") !== undefined) return set();
    if (take("=", "==", "!=") !== undefined) return valueProblem(word() ?? "");
    if (take(">", "<") !== undefined) return numberProblem(word() ?? "");
    return `after "${key}" must come one of = == != in notin > <`;
  }

  function set(): string | undefined {
    if (take("(") === undefined) return "values must be in parentheses";
    for (;;) {
      const problem = valueProblem(word() ?? "");
      if (problem !== undefined) return problem;
      if (take(")") !== undefined) return undefined;
      if (take(",") === undefined) return "a closing parenthesis is missing";
    }
  }

  if (isEnd()) return undefined;
  for (;;) {
    const problem = requirement();
    if (problem !== undefined) return problem;
    if (isEnd()) return undefined;
    if (take(",") === undefined) return `"${tokens[place]}" is one too many`;
  }
}

/** Symbols that stand together, apart: the longest first. */
function symbolsOf(text: string): readonly string[] {
  return /^[=!<>(),]/.test(text) ? text.match(/==|!=|./g)! : [text];
}

function valueProblem(value: string): string | undefined {
  return value === "" || isName(value) ? undefined : `"${value}" is no value of a label`;
}

function numberProblem(value: string): string | undefined {
  const isNumber = /^\d+$/.test(value) && value.length <= 63 && BigInt(value) < 2n ** 63n;
  return isNumber ? undefined : `"${value}" is no whole number`;
}

/** `NAME`, or `DOMAIN/NAME`. */
function isQualifiedName(key: string): boolean {
  const [first = "", second, ...others] = key.split("/");
  if (second === undefined) return isName(first);
  return others.length === 0 && first.length <= 253 && domain.test(first) && isName(second);
}

const domain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

function isName(text: string): boolean {
  return text.length <= 63 && /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(text);
}

/** Undefined when nothing is wrong. */
export function fieldSelectorProblem(selector: string): string | undefined {
  const terms = selector.match(/(?:\\[\s\S]?|[^,\\])+/g) ?? [];
  for (const term of terms) {
    // A backslash counts in values only.
    const value = /^[^=]*?(?:!=|==?)([\s\S]*)$/.exec(term)?.[1];
    if (value === undefined) return `"${term}" must be FIELD=VALUE or FIELD!=VALUE`;
    const wrong = piecesOf(value).find(
      (piece) => piece === "=" || (piece.startsWith("\\") && !/^\\[\\,=]$/.test(piece)),
    );
    if (wrong !== undefined)
      return `"${wrong}" in a value must be escaped by a backslash, as only \\ , = are`;
  }
  return undefined;
}

/** What is escaped, or one character. */
function piecesOf(text: string): readonly string[] {
  return text.match(/\\[\s\S]?|[\s\S]/g) ?? [];
}
