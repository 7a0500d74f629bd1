// SPDX-License-Identifier: Apache-2.0

/**
 * Runs AVA (`node hack/verify/ava.ts --tap …`) and corrects three faults of its TAP reporter:
 *
 * 1. A test that hangs, or a file that calls `process.exit()`, makes the reporter itself fail and so ends the run
 *    (avajs/ava#3461), because AVA passes `writeTest` a bare `Error` where a serialized one is expected.
 * 2. A failure shows where it was raised in AVA's code, not in our code.
 * 3. An error outside of any test does not name its file.
 *
 * It also lists the files that took longest, because `npm test` should take five minutes.
 *
 * The patched functions are internal to AVA. `ava.test.ts` runs every case on the real AVA, so that its tests fail if
 * a new version of AVA changes these functions.
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

interface Worker {
  /** Resolves when the file's tests are over. */
  readonly promise: Promise<unknown>;
}

interface RunPlan {
  readonly status: { observeWorker(worker: Worker, testFile: string, stats: unknown): void };
}

interface TapReporter {
  readonly reportStream: NodeJS.WritableStream;
  sanitizeStackOutput: (stack: string | undefined) => string;
  relativeFile(file: string): string;
  startRun(plan: RunPlan): void;
  endRun(): void;
  writeTest(event: TestEvent, flags: unknown): void;
  writeCrash(event: TestEvent, title?: string): void;
}

const root = join(import.meta.dirname, "..", "..");
const ava = pathToFileURL(join(root, "node_modules", "ava")).href;

async function load<T>(path: string): Promise<T> {
  return (await import(`${ava}/${path}`)) as T;
}

/**
 * The places of an error's stack that are in our own files. They are on the second line, because the reporter prints
 * that line.
 */
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
const { startRun, endRun, writeTest, writeCrash } = reporter.prototype;

/** Files that are named at the end, and from how many milliseconds on. */
const MAX_NAMED = 10;
const LONG_MS = 10_000;

const durations: { readonly file: string; readonly ms: number }[] = [];

reporter.prototype.startRun = function (plan) {
  this.sanitizeStackOutput = ownFrames;
  const { status } = plan;
  const observeWorker = status.observeWorker.bind(status);
  status.observeWorker = (worker, testFile, stats) => {
    const startedMs = performance.now();
    observeWorker(worker, testFile, stats);
    const note = (): void => {
      durations.push({ file: this.relativeFile(testFile), ms: performance.now() - startedMs });
    };
    worker.promise.then(note, note);
  };
  startRun.call(this, plan);
};

reporter.prototype.endRun = function () {
  const longest = durations.filter(({ ms }) => ms >= LONG_MS).sort((a, b) => b.ms - a.ms);
  for (const { file, ms } of longest.slice(0, MAX_NAMED)) {
    this.reportStream.write(`# long: ${(ms / 1_000).toFixed(1)} s ${file}\n`);
  }
  endRun.call(this);
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
