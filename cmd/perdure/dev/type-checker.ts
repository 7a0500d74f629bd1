// SPDX-License-Identifier: Apache-2.0

/**
 * Reports type errors while the function runs. They do not stop it, because Node removes types without checking them.
 *
 * 1. At most one check runs. A new check replaces a running one, because that one reads outdated files.
 * 2. Errors are reported after each check. That there are none is reported once, after a check with errors.
 */

import type { Tool, ToolResult } from "./tool.ts";
import { isSuccess } from "./tool.ts";

export type TypeNews =
  | { readonly kind: "wrong"; readonly lines: readonly string[]; readonly more: number }
  | { readonly kind: "right again" }
  /** The checker itself does not work. Reported once. */
  | { readonly kind: "unchecked"; readonly lines: readonly string[] };

/** As `tsc --pretty false` begins the line of an error. */
const ERROR = /\berror TS\d+:/;

/** Lines in one report. */
const MAX_LINES = 10;

export class TypeChecker {
  readonly #start: () => Tool;
  readonly #onNews: (news: TypeNews) => void;
  #running: Tool | undefined;
  #last: TypeNews["kind"] | undefined;

  constructor(start: () => Tool, onNews: (news: TypeNews) => void) {
    this.#start = start;
    this.#onNews = onNews;
  }

  check(): void {
    this.#running?.stop();
    const tool = this.#start();
    this.#running = tool;
    void tool.result.then((result) => {
      if (this.#running !== tool) return;
      this.#running = undefined;
      this.#tell(typeNews(result, this.#last));
    });
  }

  stop(): void {
    this.#running?.stop();
    this.#running = undefined;
  }

  #tell(news: TypeNews | undefined): void {
    this.#last = news?.kind;
    if (news !== undefined) this.#onNews(news);
  }
}

/** The report of a check, if it needs one; `last` is the kind of the report before. */
export function typeNews(result: ToolResult, last: TypeNews["kind"] | undefined): TypeNews | undefined {
  const { lines, more, exit } = result;
  if (isSuccess(result)) return last === "wrong" ? { kind: "right again" } : undefined;
  const errors = lines.filter((line) => ERROR.test(line)).length;
  const rest = Math.max(0, lines.length - MAX_LINES) + more;
  if (errors > 0) return { kind: "wrong", lines: lines.slice(0, MAX_LINES), more: rest };
  const why = exit.kind === "not started" ? [exit.reason] : lines.slice(0, MAX_LINES);
  return last === "unchecked" ? undefined : { kind: "unchecked", lines: why };
}
