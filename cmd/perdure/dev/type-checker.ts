// SPDX-License-Identifier: Apache-2.0

/**
 * Tells of type errors beside the function, which runs all the same: Node takes the types away unread.
 *
 * 1. At most one check runs. A new one takes the place of one that runs: what that found is about files of before.
 * 2. Errors are told after each check; that there are none is told once, after there were some.
 */

import { isSuccess } from "./tool.ts";
import type { Tool, ToolResult } from "./tool.ts";

export type TypeNews =
  | { readonly kind: "wrong"; readonly lines: readonly string[]; readonly more: number }
  | { readonly kind: "right again" }
  /** Told once: the checker itself does not work. */
  | { readonly kind: "unchecked"; readonly lines: readonly string[] };

/** As `tsc --pretty false` begins the line of an error. */
const ERROR = /\berror TS\d+:/;

/** Lines that are told at a time. */
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

/** What a check has found, if it is to be told; `last` is what the one before had to tell. */
export function typeNews(result: ToolResult, last: TypeNews["kind"] | undefined): TypeNews | undefined {
  const { lines, more, exit } = result;
  if (isSuccess(result)) return last === "wrong" ? { kind: "right again" } : undefined;
  const errors = lines.filter((line) => ERROR.test(line)).length;
  const rest = Math.max(0, lines.length - MAX_LINES) + more;
  if (errors > 0) return { kind: "wrong", lines: lines.slice(0, MAX_LINES), more: rest };
  const why = exit.kind === "not started" ? [exit.reason] : lines.slice(0, MAX_LINES);
  return last === "unchecked" ? undefined : { kind: "unchecked", lines: why };
}
