// SPDX-License-Identifier: Apache-2.0

import type { Token } from "./tokenize.ts";
import { tokenize } from "./tokenize.ts";

/** One place where a file names another, or a package. */
export interface ImportSite {
  /** What is imported, as written; undefined if it is computed. */
  readonly specifier: string | undefined;
  /** `file` is `new URL("./x.ts", import.meta.url)`: how a worker or another program is named. */
  readonly kind: "import" | "file";
  readonly line: number;
}

/** Finds what a TypeScript file imports: statically, by re-export, dynamically, in types, or as a file's URL. */
export function scanImports(source: string): ImportSite[] {
  const tokens = tokenize(source);
  const sites: ImportSite[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== "word" || tokens[index - 1]?.text === ".") continue;
    const site = siteAt(tokens, index);
    if (site !== undefined) sites.push({ ...site, line: token.line });
  }
  return sites;
}

function siteAt(tokens: readonly Token[], index: number): Omit<ImportSite, "line"> | undefined {
  const next = tokens[index + 1];
  const keyword = tokens[index]?.text;
  if (keyword === "import") {
    if (next?.kind === "string") return { kind: "import", specifier: next.text };
    if (isMark(next, "(")) return { kind: "import", specifier: soleString(tokens, index + 2) };
    return next?.kind === "word" || isMark(next, "{", "*") ? fromClause(tokens, index + 1) : undefined;
  }
  if (keyword === "export") {
    const list = next?.text === "type" ? tokens[index + 2] : next;
    return isMark(list, "{", "*") ? fromClause(tokens, index + 1) : undefined;
  }
  return keyword === "new" ? fileUrl(tokens, index + 1) : undefined;
}

/** The string after `from`, if the statement that continues at `index` has one. */
function fromClause(tokens: readonly Token[], index: number): Omit<ImportSite, "line"> | undefined {
  for (let i = index; i < tokens.length; i++) {
    const [token, next] = [tokens[i], tokens[i + 1]];
    if (token?.text === "from" && next?.kind === "string") return { kind: "import", specifier: next.text };
    if (token?.kind === "string" || isMark(token, ";", "=", "(")) return undefined;
  }
  return undefined;
}

function fileUrl(tokens: readonly Token[], index: number): Omit<ImportSite, "line"> | undefined {
  const texts = tokens.slice(index, index + 9).map((token) => token.text);
  const [, , specifier] = texts;
  if (tokens[index + 2]?.kind !== "string" || specifier === undefined) return undefined;
  const rest = [...texts.slice(0, 2), ...texts.slice(3)].join("");
  return rest === "URL(,import.meta.url" ? { kind: "file", specifier } : undefined;
}

function soleString(tokens: readonly Token[], index: number): string | undefined {
  const [token, next] = [tokens[index], tokens[index + 1]];
  return token?.kind === "string" && isMark(next, ")", ",") ? token.text : undefined;
}

function isMark(token: Token | undefined, ...texts: readonly string[]): boolean {
  return token?.kind === "mark" && texts.includes(token.text);
}
