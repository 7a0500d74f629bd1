// SPDX-License-Identifier: Apache-2.0

/**
 * The output of `perdure dev`: whole lines and, on a terminal, one animated line below them while something is awaited.
 * Lines of both streams go through here, because on a terminal they share the screen with the animated line.
 */

import type { Clock, Timer } from "../../../pkg/base/mod.ts";

export type Sink = (text: string) => void;

export interface ScreenOptions {
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** Whether a line can be overwritten. If not, the animated line is left out. */
  readonly overwrites: boolean;
  readonly clock: Clock;
}

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 80;
const CLEAR_LINE = "\r\u001b[2K";

export class Screen {
  readonly #options: ScreenOptions;
  #awaited: string | undefined;
  #frame = 0;
  #timer: Timer | undefined;

  constructor(options: ScreenOptions) {
    this.#options = options;
  }

  /** A line on standard output. */
  line(text: string): void {
    this.#write(this.#options.stdout, text);
  }

  /** A line on standard error. */
  errorLine(text: string): void {
    this.#write(this.#options.stderr, text);
  }

  /** Shows the text in the animated line until the next call; undefined removes the line. */
  await(text: string | undefined): void {
    if (!this.#options.overwrites || text === this.#awaited) return;
    this.#clear();
    this.#awaited = text;
    this.#draw();
  }

  #write(sink: Sink, text: string): void {
    this.#clear();
    sink(`${text}\n`);
    this.#draw();
  }

  #clear(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#awaited !== undefined) this.#options.stdout(CLEAR_LINE);
  }

  #draw(): void {
    if (this.#awaited === undefined) return;
    this.#options.stdout(`${CLEAR_LINE}${FRAMES[this.#frame]} ${this.#awaited}`);
    this.#timer = this.#options.clock.schedule(FRAME_MS, () => {
      this.#frame = (this.#frame + 1) % FRAMES.length;
      this.#draw();
    });
  }
}
