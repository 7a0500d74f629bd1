// SPDX-License-Identifier: Apache-2.0

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { ExecutionContext } from "ava";

import { freePort, systemRandom } from "../../../../pkg/base/mod.ts";

import { until } from "../../../lib/until.ts";
import { environmentOutside } from "../../packages/lib/reader.ts";
import { makeCheckout } from "./checkout.ts";
import type { Step } from "./steps.ts";
import { patternOf, stepsOf } from "./steps.ts";
import { Terminal } from "./terminal.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..", "..");

/** The port in the pages. The test uses a free one in its place. */
const SHOWN_PORT = /\b9000\b/g;

/** Comments, and what would run this test again. */
const NOT_RUN = / +# .*$|^npm test\b.*$/gm;

const READY = "…\nready http://127.0.0.1:…";

/**
 * Follows a page at two terminals, as a reader does, in a copy of the repository, and compares what is printed with
 * what the page shows. `npm start` runs in the first terminal, unless the page leaves it running with `&`.
 */
export async function follow(t: ExecutionContext, page: string): Promise<void> {
  const folder = makeCheckout(t);
  const port = String(await freePort("127.0.0.1", systemRandom));
  const terminal = (): Terminal => new Terminal(t, folder, { ...environmentOutside(), HTTP_PORT: port });
  const reader = new PageReader(t, folder, terminal(), terminal());
  const steps = stepsOf(readFileSync(join(ROOT, page), "utf8").replaceAll(SHOWN_PORT, port));
  t.true(steps.length > 3, `${page} has hardly any steps`);
  for (const step of steps) await reader.take(step);
}

class PageReader {
  readonly #t: ExecutionContext;
  readonly #folder: string;
  readonly #first: Terminal;
  readonly #second: Terminal;
  #printed = "";

  constructor(t: ExecutionContext, folder: string, first: Terminal, second: Terminal) {
    this.#t = t;
    this.#folder = folder;
    this.#first = first;
    this.#second = second;
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case "command":
        return this.#type(step.text.replaceAll(NOT_RUN, "").trim(), step.output);
      case "printed JSON":
        return this.#compare(withoutBlanks(step.text), withoutBlanks(this.#printed));
      case "first terminal":
        return this.#watch(patternOf(step.text));
      case "interrupt":
        return this.#first.interrupt();
      case "change":
        return this.#edit(step.path, step.lines);
    }
  }

  async #type(command: string, output: string | undefined): Promise<void> {
    if (/^npm start\b/.test(command)) {
      const terminal = command.endsWith("&") ? this.#second : this.#first;
      return terminal.start(command, patternOf(output ?? READY));
    }
    this.#printed = await this.#second.run(command);
    if (output !== undefined) this.#compare(output, this.#printed);
  }

  #compare(shown: string, printed: string): void {
    this.#t.regex(printed.trim(), patternOf(shown));
  }

  async #watch(pattern: RegExp): Promise<void> {
    let said = "";
    await until(`the first terminal shows ${pattern}`, () => {
      said += this.#first.news();
      return pattern.test(said.trim());
    }).catch((error: unknown) => this.#t.fail(`${String(error)}\n${said}`));
  }

  #edit(path: string, lines: readonly { readonly before: string; readonly after: string }[]): void {
    const file = join(this.#folder, path);
    let text = readFileSync(file, "utf8");
    for (const { before, after } of lines) {
      this.#t.is(text.split(`${before}\n`).length, 2, `once in ${path}: ${before}`);
      text = text.replace(`${before}\n`, () => `${after}\n`);
    }
    writeFileSync(file, text);
  }
}

function withoutBlanks(json: string): string {
  return json.replaceAll(/\s/g, "");
}
