// SPDX-License-Identifier: Apache-2.0

import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * A note of a running `perdure dev`: for `perdure inspect` and `perdure shards`, and for the next one on its state,
 * which cannot start.
 */
export interface RunNote {
  readonly pid: number;
  /** Of its public port. */
  readonly url: string;
  /** Undefined: an earlier version left the note. */
  readonly adminPort?: number;
  /** If it runs several proxies: the admin port of each, by its name. */
  readonly adminPorts?: Readonly<Record<string, number>>;
}

/** The note beside a log. */
export function runNotePath(logPath: string): string {
  return `${logPath}.run`;
}

/** The note of a run whose log is not in the function's folder, such as one on NATS. */
export function elsewhereNotePath(folder: string, name: string): string {
  return join(folder, ".perdure", `${name}.run`);
}

/** The one of these notes that was written last, of those whose process runs. */
export function newestRun(paths: readonly string[]): RunNote | undefined {
  const notes = paths.flatMap((path) => {
    const note = readRunNote(path);
    return note === undefined ? [] : [{ note, writtenMs: statSync(path).mtimeMs }];
  });
  return notes.sort((a, b) => b.writtenMs - a.writtenMs)[0]?.note;
}

/** A note is a convenience: where it cannot be written, all else works. */
export function writeRunNote(path: string, note: RunNote): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, JSON.stringify(note), { mode: 0o600 });
  } catch {
    // Ignored, because only the next `perdure dev` would read the note.
  }
}

export function removeRunNote(path: string): void {
  rmSync(path, { force: true });
}

/** Undefined if there is no note, or if its process has ended without removing it. */
export function readRunNote(path: string): RunNote | undefined {
  try {
    const note: unknown = JSON.parse(readFileSync(path, "utf8"));
    return isNote(note) && process.kill(note.pid, 0) ? note : undefined;
  } catch {
    return undefined;
  }
}

/** The `perdure dev` that has this log open, if it left a note; undefined also if no `perdure dev` keeps the log. */
export function otherRun(logPath: string | undefined): RunNote | undefined {
  return logPath === undefined ? undefined : readRunNote(runNotePath(logPath));
}

function isNote(note: unknown): note is RunNote {
  if (typeof note !== "object" || note === null || !("pid" in note) || !("url" in note)) return false;
  const { pid, url } = note;
  const hasPort = !("adminPort" in note) || isPort(note.adminPort);
  const ports = "adminPorts" in note ? note.adminPorts : {};
  const hasPorts = typeof ports === "object" && ports !== null && Object.values(ports).every(isPort);
  return (
    isIn(pid, Number.MAX_SAFE_INTEGER) &&
    typeof url === "string" &&
    /^http:\/\/\S+$/.test(url) &&
    hasPort &&
    hasPorts
  );
}

function isPort(value: unknown): boolean {
  return isIn(value, 65_535);
}

function isIn(value: unknown, max: number): boolean {
  return Number.isSafeInteger(value) && Number(value) > 0 && Number(value) <= max;
}
