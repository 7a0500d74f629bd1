// SPDX-License-Identifier: Apache-2.0

import type { Screen } from "./screen.ts";
import type { Style } from "./style.ts";

export interface NamedLinesDependencies {
  readonly screen: Screen;
  readonly style: Style;
  readonly errorStyle: Style;
  /** Of all sources, so that their lines begin at the same column. */
  readonly names: readonly string[];
}

/** Who wrote a line: a user function, or `perdure dev` and its proxies. */
export interface Source {
  readonly kind: "function" | "own";
  readonly name: string;
}

/** Lines of several sources on one screen, each after the name of its source. */
export class NamedLines {
  readonly #dependencies: NamedLinesDependencies;
  readonly #width: number;
  #count = 0;

  constructor(dependencies: NamedLinesDependencies) {
    this.#dependencies = dependencies;
    this.#width = Math.max(...dependencies.names.map(({ length }) => length));
  }

  /** How many there have been, of all sources and on both streams. */
  get count(): number {
    return this.#count;
  }

  /** Characters before the text of a line. */
  get indent(): number {
    return this.#width + " | ".length;
  }

  /** On standard output. */
  note(source: Source, lines: readonly string[]): void {
    const { screen, style } = this.#dependencies;
    this.#count += lines.length;
    for (const line of lines) screen.line(`${this.#prefix(source, style)} ${line}`);
  }

  /** On standard error. */
  problem(source: Source, lines: readonly string[]): void {
    const { screen, errorStyle } = this.#dependencies;
    this.#count += lines.length;
    for (const line of lines) screen.errorLine(`${this.#prefix(source, errorStyle)} ${line}`);
  }

  #prefix({ kind, name }: Source, style: Style): string {
    const text = `${name.padEnd(this.#width)} |`;
    return kind === "function" ? style.verb(text) : style.dim(text);
  }
}
