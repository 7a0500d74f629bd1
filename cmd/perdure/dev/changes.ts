// SPDX-License-Identifier: Apache-2.0

/**
 * Reacts to changed files: the function is started again. If a `.proto` file is among them, code is generated first.
 *
 *     idle ──changed──▶ idle, told
 *       │ ▲
 *       │ └──settled──────────────┐
 *       └──changed .proto──▶ generating ──changed .proto──▶ generating once more
 *
 * 1. While code is generated, and until the generated files were noticed, changes are gathered. Then the function is
 *    started again once, for all of them.
 * 2. If a `.proto` file changes meanwhile, code is generated once more, but only once, so that a generator that writes
 *    `.proto` files itself does not run for ever.
 * 3. If the generator fails, the developer is told and the changed `.proto` files are ignored. Other changed files
 *    still start the function again.
 */

import type { Clock } from "../../../pkg/base/mod.ts";
import { sleep } from "../../../pkg/base/mod.ts";

import type { Tool, ToolResult } from "./tool.ts";
import { isSuccess } from "./tool.ts";

export interface ChangesOptions {
  /** Runs the generator; undefined: there is none. */
  readonly generate: (() => Tool) | undefined;
  /** How long after the generator's end its files may take to be noticed, in milliseconds. */
  readonly settleMs: number;
  readonly clock: Clock;
  readonly onGenerating: () => void;
  /** The generator failed. Undefined, once: a `.proto` file has changed, and there is no generator. */
  readonly onProblem: (result: ToolResult | undefined) => void;
  /** Files have changed, and code was generated if that was necessary. */
  readonly onChanged: (files: readonly string[]) => void;
}

export class Changes {
  readonly #options: ChangesOptions;
  #gathered: Set<string> | undefined;
  #again = false;
  #tool: Tool | undefined;
  #stopped = false;
  #toldOfNone = false;

  constructor(options: ChangesOptions) {
    this.#options = options;
  }

  changed(files: readonly string[]): void {
    const { generate, onChanged, onProblem } = this.#options;
    const hasProto = files.some(isProto);
    if (this.#gathered !== undefined) {
      for (const file of files) this.#gathered.add(file);
      if (hasProto) this.#again = true;
      return;
    }
    if (hasProto && generate !== undefined) return void this.#generate(generate, files);
    if (hasProto && !this.#toldOfNone) {
      this.#toldOfNone = true;
      onProblem(undefined);
    }
    onChanged(files);
  }

  stop(): void {
    this.#stopped = true;
    this.#tool?.stop();
  }

  async #generate(generate: () => Tool, files: readonly string[]): Promise<void> {
    const { clock, settleMs, onGenerating, onProblem, onChanged } = this.#options;
    const gathered = new Set(files);
    this.#gathered = gathered;
    let result: ToolResult;
    let runs = 0;
    do {
      this.#again = false;
      onGenerating();
      this.#tool = generate();
      result = await this.#tool.result;
      await sleep(clock, settleMs);
      runs++;
    } while (this.#again && runs < 2 && !this.#stopped);
    this.#gathered = undefined;
    this.#tool = undefined;
    if (this.#stopped) return;
    const isGood = isSuccess(result);
    if (!isGood) onProblem(result);
    const all = [...gathered].filter((file) => isGood || !isProto(file));
    if (all.length > 0) onChanged(all);
  }
}

function isProto(file: string): boolean {
  return file.endsWith(".proto");
}
