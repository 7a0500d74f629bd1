// SPDX-License-Identifier: Apache-2.0

/**
 * Runs AVA (`node hack/verify/ava.ts --tap …`), whose TAP reporter it makes write each event as a line of JSON
 * (`TestEvent`). TAP would have to be read again, and AVA writes titles that mean something else in it (`… # todo`,
 * `… {`). Three faults of the reporter are also gone:
 *
 * 1. A test that hangs, or a file that calls `process.exit()`, makes the reporter itself fail and so ends the run
 *    (avajs/ava#3461), because AVA passes `writeTest` a bare `Error` where a serialized one is expected.
 * 2. A failure shows where it was raised in AVA's code, not in our code.
 * 3. An error outside of any test does not name its file.
 *
 * It also lists the files that took longest, because `npm test` should take five minutes, and says when each file
 * begins and ends, so that one that never ends can be named.
 *
 * The patched functions are internal to AVA. `ava.test.ts` runs every case on the real AVA, so that its tests fail if
 * a new version of AVA changes these functions.
 */

import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";

import type { TestEvent } from "./test-event.ts";

/** An error as AVA sends it from a test file's process, or a bare one. */
interface Failure {
  readonly name?: string;
  readonly message?: string;
  readonly stack?: string | undefined;
  /** What an assertion shows, such as a difference. */
  readonly formattedDetails?: readonly { readonly label: string; readonly formatted: string }[];
  readonly formattedCause?: string | null;
  /** What was thrown, if it was no error. */
  readonly formattedError?: string;
  readonly errors?: readonly Failure[];
}

interface AvaEvent {
  readonly testFile?: string;
  readonly title?: string;
  readonly logs?: readonly string[];
  readonly err?: Failure;
}

/** `promise` resolves when the file's tests are over. */
type ObserveWorker = (worker: { readonly promise: Promise<unknown> }, file: string, stats: unknown) => void;

interface Reporter {
  readonly reportStream: NodeJS.WritableStream;
  crashCount: number;
  readonly stats: { readonly failedTests: number; readonly remainingTests: number } | null;
  prefixTitle(testFile: string | undefined, title: string): string;
  relativeFile(file: string): string;
  startRun(plan: { readonly status: { observeWorker: ObserveWorker } }): void;
  endRun(): void;
  writeTest(event: AvaEvent, flags: Readonly<Record<"passed" | "todo" | "skip", boolean>>): void;
  writeCrash(event: AvaEvent, title?: string): void;
  writeComment(event: AvaEvent, comment: { readonly title?: string }): void;
}

const root = join(import.meta.dirname, "..", "..");
const ava = pathToFileURL(join(root, "node_modules", "ava")).href;

async function load<T>(path: string): Promise<T> {
  return (await import(`${ava}/${path}`)) as T;
}

/** Why a test failed, line by line, and where in our own files. */
function detailsOf(failure: Failure | undefined): string[] {
  if (failure === undefined) return [];
  const {
    name,
    message,
    stack,
    formattedDetails = [],
    formattedCause,
    formattedError,
    errors = [],
  } = failure;
  const parts = [
    formattedError ?? `${name}: ${message}`,
    ...formattedDetails.flatMap(({ label, formatted }) => [label, formatted]),
    ...(formattedCause ? [`cause: ${formattedCause}`] : []),
    ...errors.flatMap(detailsOf),
  ];
  return [...parts.flatMap((part) => stripVTControlCharacters(part).split("\n")), ...ownFrames(stack)];
}

function ownFrames(stack = ""): string[] {
  const places = [...stack.matchAll(/(?:^|[\s(])((?:file:\/\/)?\/\S+?)((?::\d+){1,2})\)?$/gm)]
    .map(([, file = "", place = ""]) => (file.startsWith("file:") ? fileURLToPath(file) : file) + place)
    .filter((place) => !place.includes("/node_modules/"))
    .map((place) => relative(process.cwd(), place));
  return places.length === 0 ? [] : [`at ${places.join(" < ")}`];
}

function linesOf(logs: readonly string[] = []): string[] {
  return logs.flatMap((log) => log.split("\n"));
}

const { default: reporter } = await load<{ default: { prototype: Reporter } }>("lib/reporters/tap.js");
const { startRun } = reporter.prototype;

function write({ reportStream }: Reporter, event: TestEvent): void {
  reportStream.write(`${JSON.stringify(event)}\n`);
}

/** Files that are named at the end, and from how many milliseconds on. */
const MAX_NAMED = 10;
const LONG_MS = 10_000;

const durations: { readonly file: string; readonly ms: number }[] = [];

reporter.prototype.startRun = function (plan) {
  const { status } = plan;
  const observeWorker = status.observeWorker.bind(status);
  status.observeWorker = (worker, testFile, stats) => {
    const startedMs = performance.now();
    observeWorker(worker, testFile, stats);
    const file = this.relativeFile(testFile);
    write(this, { kind: "file", file, isRunning: true });
    const note = (): void => {
      durations.push({ file, ms: performance.now() - startedMs });
      write(this, { kind: "file", file, isRunning: false });
    };
    worker.promise.then(note, note);
  };
  startRun.call(this, plan);
};

reporter.prototype.endRun = function () {
  const longest = durations.filter(({ ms }) => ms >= LONG_MS).sort((a, b) => b.ms - a.ms);
  for (const { file, ms } of longest.slice(0, MAX_NAMED)) {
    write(this, { kind: "remark", text: `long: ${(ms / 1_000).toFixed(1)} s ${file}` });
  }
  const { failedTests, remainingTests } = this.stats ?? { failedTests: 0, remainingTests: 0 };
  write(this, { kind: "end", failed: this.crashCount + failedTests + remainingTests });
};

reporter.prototype.writeTest = function ({ testFile, title = "", logs, err }, { passed, todo, skip }) {
  const outcome = todo || skip ? "skipped" : passed ? "passed" : "failed";
  const shown = stripVTControlCharacters(this.prefixTitle(testFile, title));
  write(this, { kind: "test", outcome, title: shown, logs: linesOf(logs), details: detailsOf(err) });
};

reporter.prototype.writeCrash = function ({ testFile, logs, err }, title) {
  this.crashCount++;
  const file = testFile === undefined ? "" : `${this.relativeFile(testFile)}: `;
  const shown = title ?? `${file}${err?.message?.split("\n", 1)[0] ?? "crashed"}`;
  const rest = { logs: linesOf(logs), details: detailsOf(err) };
  write(this, { kind: "test", outcome: "failed", title: shown, ...rest });
};

/** Hooks that went well are not shown, but what they log is. */
reporter.prototype.writeComment = function ({ logs }, { title }) {
  for (const text of title === undefined ? linesOf(logs) : [title]) write(this, { kind: "remark", text });
};

const { default: run } = await load<{ default: () => Promise<void> }>("lib/cli.js");
await run();
