// SPDX-License-Identifier: Apache-2.0

import type { Batch, BatchOutcome } from "./batch.ts";
import type { ExpectedFile, FileIdentity } from "./open-files.ts";
import type { WriterSettings } from "./options.ts";
import type { ErrorMessage } from "./sqlite-error.ts";

/** `workerData` of the writer's thread. */
export interface WriterStart {
  readonly path: string;
  readonly settings: WriterSettings;
  /** Undefined at the first opening. */
  readonly expected: ExpectedFile | undefined;
}

/** To the writer thread: the next batch or check after the answer to the last one, and `close` at the end. */
export type ToWriter =
  | { readonly kind: "commit"; readonly batch: Batch }
  /** Whether a batch would be stored. `thorough`: the writer writes test bytes, and removes them, to find out. */
  | { readonly kind: "check"; readonly thorough: boolean }
  | { readonly kind: "close" };

/**
 * Messages from the writer thread: `ready` or `refused` once, then one `committed` or `failed` for each batch or
 * check, and a `warning` at any time. The answer to a check that passes is `committed` with an empty outcome.
 */
export type FromWriter =
  | { readonly kind: "ready"; readonly durability: DurabilityReport; readonly file: FileIdentity }
  | { readonly kind: "refused"; readonly error: ErrorMessage }
  | { readonly kind: "committed"; readonly outcome: BatchOutcome }
  | { readonly kind: "failed"; readonly error: ErrorMessage; readonly after: WriterState }
  | { readonly kind: "warning"; readonly error: ErrorMessage };

/** The settings that make a commit durable, as SQLite reports them. */
export interface DurabilityReport {
  readonly journalMode: string;
  readonly synchronous: number;
}

/** Whether a writer can still be used after a failure. */
export type WriterState =
  | "sound"
  /** What the writer and its reader see may differ from the files. Both are closed, and the files are opened again. */
  | "lost"
  /** The file is no longer at its path. It may come back, so it is kept open, and nothing is written or read. */
  | "displaced";
