// SPDX-License-Identifier: Apache-2.0

/**
 * Runs AVA (`node hack/verify/ava.ts --tap …`) with three faults of its TAP reporter put right:
 *
 * 1. A test that hangs, or a file that calls `process.exit()`, ends the reporter itself and with it the run
 *    (avajs/ava#3461): it hands `writeTest` a bare `Error` where a serialized one is expected.
 * 2. A failure says where in AVA it was raised, not where in our code.
 * 3. An error outside of any test does not name its file.
 *
 * The patched functions are AVA's own, not a public interface: `ava.test.ts` runs every case for real, so that a new
 * version of AVA that changes them is noticed.
 */

import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

interface SerializedError {
  readonly type: string;
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly originalError: Error;
}

interface TestEvent {
  readonly testFile?: string;
  readonly err?: SerializedError | Error;
}

interface TapReporter {
  sanitizeStackOutput: (stack: string | undefined) => string;
  relativeFile(file: string): string;
  startRun(plan: unknown): void;
  writeTest(event: TestEvent, flags: unknown): void;
  writeCrash(event: TestEvent, title?: string): void;
}

const root = join(import.meta.dirname, "..", "..");
const ava = pathToFileURL(join(root, "node_modules", "ava")).href;

async function load<T>(path: string): Promise<T> {
  return (await import(`${ava}/${path}`)) as T;
}

/** An error's stack in the form of which the reporter prints the second line: the places in our own files. */
function ownFrames(stack: string | undefined): string {
  const places = [...(stack ?? "").matchAll(/(?:^|[\s(])((?:file:\/\/)?\/\S+?)((?::\d+){1,2})\)?$/gm)]
    .map(([, file = "", place = ""]) => toPath(file) + place)
    .filter((place) => !place.includes("/node_modules/"))
    .map((place) => relative(process.cwd(), place));
  return `\nat ${places.join(" < ")}`;
}

function toPath(file: string): string {
  return file.startsWith("file:") ? fileURLToPath(file) : file;
}

function serialized(error: SerializedError | Error): SerializedError {
  if (!(error instanceof Error)) return error;
  const { name, message, stack } = error;
  return { type: "native", name, message, stack, originalError: error };
}

const { default: reporter } = await load<{ default: { prototype: TapReporter } }>("lib/reporters/tap.js");
const { startRun, writeTest, writeCrash } = reporter.prototype;

reporter.prototype.startRun = function (plan) {
  this.sanitizeStackOutput = ownFrames;
  startRun.call(this, plan);
};

reporter.prototype.writeTest = function (event, flags) {
  writeTest.call(this, event.err === undefined ? event : { ...event, err: serialized(event.err) }, flags);
};

reporter.prototype.writeCrash = function (event, title) {
  const file = event.testFile === undefined ? "" : `${this.relativeFile(event.testFile)}: `;
  writeCrash.call(this, event, title ?? `${file}${event.err?.message.split("\n", 1)[0] ?? "crashed"}`);
};

const { default: run } = await load<{ default: () => Promise<void> }>("lib/cli.js");
await run();
