// SPDX-License-Identifier: Apache-2.0

const NAME_WIDTH = 44;

/** Prints one line for each step of long work when it is done, with its own time. */
export class Steps {
  readonly #write: (line: string) => void;
  readonly #nowMs: () => number;
  readonly #startedMs: number;

  constructor(
    write: (line: string) => void = (line) => console.log(line),
    nowMs: () => number = () => performance.now(),
  ) {
    this.#write = write;
    this.#nowMs = nowMs;
    this.#startedMs = nowMs();
  }

  async run<T>(name: string, work: () => Promise<T> | T): Promise<T> {
    const startedMs = this.#nowMs();
    const result = await work();
    this.#line(name, startedMs);
    return result;
  }

  /** A line of its own, about what follows. */
  say(text: string): void {
    this.#write(text);
  }

  /** The whole time since the steps began. */
  total(name: string): void {
    this.#line(name, this.#startedMs);
  }

  #line(name: string, sinceMs: number): void {
    const seconds = ((this.#nowMs() - sinceMs) / 1_000).toFixed(1);
    this.#write(`${name.padEnd(NAME_WIDTH)}${seconds.padStart(7)} s`);
  }
}
