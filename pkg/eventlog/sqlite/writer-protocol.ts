// SPDX-License-Identifier: Apache-2.0

import type { Batch, BatchOutcome } from "./batch.ts";
import type { WriterSettings } from "./options.ts";
import type { ErrorMessage } from "./sqlite-error.ts";
import type { DurabilityReport } from "./writer.ts";

/** `workerData` of the writer's thread. */
export interface WriterStart {
  readonly path: string;
  readonly settings: WriterSettings;
}

/** To the writer. The next batch comes after the answer to the last one; `close` is the last message. */
export type ToWriter = { readonly kind: "commit"; readonly batch: Batch } | { readonly kind: "close" };

/** From the writer: `ready` or `refused` once, then one `committed` or `failed` for each batch. */
export type FromWriter =
  | { readonly kind: "ready"; readonly durability: DurabilityReport }
  | { readonly kind: "refused"; readonly error: ErrorMessage }
  | { readonly kind: "committed"; readonly outcome: BatchOutcome }
  | { readonly kind: "failed"; readonly error: ErrorMessage }
  | { readonly kind: "warning"; readonly error: ErrorMessage };
