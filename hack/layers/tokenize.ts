// SPDX-License-Identifier: Apache-2.0

export interface Token {
  readonly kind: "word" | "string" | "mark";
  /** A string's text without its quotes, escapes as written. */
  readonly text: string;
  readonly line: number;
}

/** After these a slash begins a regular expression; after a value it divides. */
const BEFORE_EXPRESSION = new Set(
  "return typeof instanceof in of new delete void throw case do else yield await".split(" "),
);

const PATTERNS = {
  skipped: /\s+|\/\/[^\n]*|\/\*[^]*?\*\//y,
  word: /[\p{ID_Start}$_#][\p{ID_Continue}$]*|\d[\w.]*/uy,
  string: /"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'/y,
  regex: /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y,
  /** Template text up to its end or to the next `${`. */
  template: /(?:[^`\\$]|\\[^]|\$(?!\{))*(?:`|\$\{)/y,
} as const;

/**
 * Splits a source into words, strings and marks. Comments are left out. A regular expression, and the text of a
 * template with `${}`, becomes an empty string. A template without `${}` counts as a string.
 */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  // For each open template, how many braces are open in its current `${}`.
  const templates: number[] = [];
  let at = 0;
  let line = 1;

  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const text = pattern.exec(source)?.[0];
    if (text === undefined) return undefined;
    at += text.length;
    for (const char of text) if (char === "\n") line++;
    return text;
  };
  const takeTemplate = (opening: boolean): void => {
    const text = take(PATTERNS.template);
    if (text === undefined) at = source.length;
    else if (text.endsWith("${")) templates.push(0);
    else if (opening) tokens.push({ kind: "string", text: text.slice(0, -1), line });
    else tokens.push({ kind: "string", text: "", line });
  };

  while (at < source.length) {
    if (take(PATTERNS.skipped) !== undefined) continue;
    const startLine = line;
    const char = source[at] as string;
    const word = take(PATTERNS.word);
    if (word !== undefined) {
      tokens.push({ kind: "word", text: word, line: startLine });
      continue;
    }
    const string = take(PATTERNS.string);
    if (string !== undefined) {
      tokens.push({ kind: "string", text: string.slice(1, -1), line: startLine });
      continue;
    }
    if (char === "/" && expectsExpression(tokens.at(-1)) && take(PATTERNS.regex) !== undefined) {
      tokens.push({ kind: "string", text: "", line: startLine });
      continue;
    }
    at++;
    const depth = templates.at(-1);
    if (char === "`") takeTemplate(true);
    else if (char === "}" && depth === 0) {
      templates.pop();
      takeTemplate(false);
    } else {
      if (depth !== undefined && (char === "{" || char === "}")) {
        templates[templates.length - 1] = depth + (char === "{" ? 1 : -1);
      }
      tokens.push({ kind: "mark", text: char, line: startLine });
    }
  }
  return tokens;
}

function expectsExpression(previous: Token | undefined): boolean {
  if (previous === undefined) return true;
  if (previous.kind === "word") return BEFORE_EXPRESSION.has(previous.text);
  return previous.kind === "mark" && ![")", "]", "}"].includes(previous.text);
}
