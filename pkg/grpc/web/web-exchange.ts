// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders } from "node:http2";
import type { Readable, Writable } from "node:stream";

import type { OpenRequest } from "../caller.ts";

/** An HTTP request and the way to answer it, over whichever version of HTTP. */
export interface WebExchange {
  readonly method: string;
  /** As on the request line, with the query. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** Flat list of names and values, in the order in which they came. */
  readonly rawHeaders: readonly string[];
  /** What it holds of its caller's share, until `onClose`. */
  readonly request: OpenRequest;
  /** The caller has gone: what came of the body is not the whole. */
  readonly gone: boolean;
  /** The body, which nobody has begun to read. To be called once at most. */
  openBody(): Readable;
  /** Begins the answer; whoever calls it ends what it gives. Undefined: the caller has gone. To be called once. */
  begin(status: number, headers: readonly string[]): Writable | undefined;
  /** Nobody will read what may still come of the body. */
  discardBody(): void;
  /** Ends an answer so that the caller sees that something is missing. */
  abort(): void;
  /** Calls the listener once if the caller goes away before the answer is written. */
  onCancel(listener: () => void): void;
  /** Calls the listener once when all is over, however it ended. */
  onClose(listener: () => void): void;
}
