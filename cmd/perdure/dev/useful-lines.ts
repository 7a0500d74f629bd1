// SPDX-License-Identifier: Apache-2.0

import { stripVTControlCharacters } from "node:util";

/** Lines that say nothing about the function: what Node and npm add to every end. */
const NOISE = [
  /^\s*$/,
  /^Node\.js v\d/,
  /^npm (?:error|ERR!|notice|warn)\b/i,
  /^\(Use `node --trace-[a-z-]+ \.\.\.` to show where the warning was created\)$/,
  /^\s*at .*\bnode:/,
  /^\s*at .*\/node_modules\//,
  /^goroutine \d+ \[/,
];

/** The line of an error that says what is wrong, as JavaScript, Python, Go and Java write it. */
const HEAD =
  /^\s*(?:Uncaught )?(?:[\w$.]+(?:Error|Exception)\b|panic: |Exception in thread |Caused by: |error:)/i;

/** Lines before it that belong to it: the file, the line of code, and the mark under it. */
const BEFORE_HEAD = 3;

/**
 * Of the last lines that a function wrote before it ended, those that help: the last error with where it is, and not
 * what the runtime adds around it. At most `max`, in their order.
 */
export function usefulLines(lines: readonly string[], max: number): string[] {
  const useful = lines.filter((line) => !NOISE.some((noise) => noise.test(plain(line))));
  if (useful.length <= max) return useful;
  const head = useful.findLastIndex((line) => HEAD.test(plain(line)));
  // Python says last what is wrong, and before it where.
  const isAtEnd = head >= useful.length - BEFORE_HEAD;
  if (head === -1 || isAtEnd) return useful.slice(-max);
  const first = Math.max(0, Math.min(head - BEFORE_HEAD, useful.length - max));
  return useful.slice(first, first + max);
}

/** What Node adds to an error that nobody has caught: its own frames, its own place, and its version. */
const OF_NODE = [/^\s+at .*\bnode:internal\//, /^node:internal\/\S+:\d+$/, /^Node\.js v\d+\.\d+\.\d+$/];
const UNCAUGHT = /^\s+triggerUncaughtException\($/;
const MARK = /^\s+\^$/;

/** Leaves out of a function's lines what Node says about itself, so that the end of an error is the error's. */
export class OwnLines {
  #markFollows = false;

  /** What of the next line is the function's own; undefined: nothing. */
  of(line: string): string | undefined {
    const text = plain(line);
    const isMark = this.#markFollows && MARK.test(text);
    this.#markFollows = UNCAUGHT.test(text);
    if (isMark || this.#markFollows) return undefined;
    if (!OF_NODE.some((pattern) => pattern.test(text))) return line;
    // After the last frame an error may show its properties.
    return text.endsWith(" {") ? "  {" : undefined;
  }
}

/** Node colours its own frames. */
function plain(line: string): string {
  return stripVTControlCharacters(line);
}
