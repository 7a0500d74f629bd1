// SPDX-License-Identifier: Apache-2.0

/** Spans that are sent together. */
export interface SpanBatch {
  /** What `writeSpan` has written. */
  readonly spans: Uint8Array;
  readonly count: number;
}

/** What became of spans that were sent. */
export type Sent =
  | { readonly kind: "taken" }
  /** The receiver is not there or has no room; the same spans may be sent again. */
  | { readonly kind: "away"; readonly problem: string }
  /** The receiver does not want these spans, now or later. */
  | { readonly kind: "refused"; readonly problem: string };

/** Where finished spans go. */
export interface SpanSink {
  /** Never rejects. */
  send(batch: SpanBatch): Promise<Sent>;
  close(): Promise<void>;
}
