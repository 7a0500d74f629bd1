// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../base/mod.ts";
import { cutText, OTHER_KINDS, RepeatLimiter } from "../base/mod.ts";

/** Longest report, in UTF-16 code units: enough for the trace of a long chain, not for large texts of the function. */
const MAX_REPORT_LENGTH = 4_000;

/** Reports with the same text that are sent in a window; further ones are counted. */
const MAX_TIMES = 3;

/** Texts that are counted separately in a window; all further texts are counted together. */
const MAX_TEXTS = 10;

/** From the first report of a text to the one that says how many more there were, in milliseconds. */
const WINDOW_MS = 10_000;

/**
 * Limits the reports to the user function's developer (I11). A report with the same text is sent `MAX_TIMES` times in
 * each `WINDOW_MS`; then one report says how many more there were.
 */
export class Reports {
  readonly #tell: (text: string) => void;
  readonly #limiter: RepeatLimiter;

  constructor(clock: Clock, tell: (text: string) => void) {
    this.#tell = tell;
    const limits = { maxTimes: MAX_TIMES, windowMs: WINDOW_MS, maxKinds: MAX_TEXTS };
    this.#limiter = new RepeatLimiter(clock, limits, (text, count) =>
      tell(text === OTHER_KINDS ? `${count} more reports were left out` : `${text} (${count} more times)`),
    );
  }

  add(message: string): void {
    const text = cutText(message, MAX_REPORT_LENGTH);
    if (this.#limiter.passes(text)) this.#tell(text);
  }

  /** Ends all windows, because another function may connect and gets its reports at once. */
  flush(): void {
    this.#limiter.flush();
  }
}
