// SPDX-License-Identifier: Apache-2.0

import type { Batch, BatchOutcome } from "./batch.ts";
import type { ExpectedFile, FileIdentity } from "./open-files.ts";
import type { WriterSettings } from "./options.ts";
import type { ErrorMessage } from "./sqlite-error.ts";
import type { DurabilityReport } from "./writer.ts";

/** `workerData` of the writer's thread. */
export interface WriterStart {
  readonly path: string;
  readonly settings: WriterSettings;
  /** Undefined at the first opening. */
  readonly expected: ExpectedFile | undefined;
}

/** To the writer. The next batch or check comes after the answer to the last one; `close` is the last message. */
export type ToWriter =
  | { readonly kind: "commit"; readonly batch: Batch }
  /** Would a batch be stored? `thorough`: find out by writing something that leaves nothing behind. */
  | { readonly kind: "check"; readonly thorough: boolean }
  | { readonly kind: "close" };

/**
 * From the writer: `ready` or `refused` once, then one `committed` or `failed` for each batch or check. A check that
 * passes is `committed` without an outcome.
 */
export type FromWriter =
  | { readonly kind: "ready"; readonly durability: DurabilityReport; readonly file: FileIdentity }
  | { readonly kind: "refused"; readonly error: ErrorMessage }
  | { readonly kind: "committed"; readonly outcome: BatchOutcome }
  | { readonly kind: "failed"; readonly error: ErrorMessage; readonly after: WriterState }
  | { readonly kind: "warning"; readonly error: ErrorMessage };

/** What a writer is good for after a failure. */
export type WriterState =
  | "sound"
  /** What it and its readers see need not be what stands in the files: they are opened again. */
  | "lost"
  /** Its file is not at the path. It may come back, so it is kept open, and nothing is written or read meanwhile. */
  | "displaced";
