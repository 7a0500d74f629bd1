// SPDX-License-Identifier: Apache-2.0

import type { HttpErrorCode } from "../http/http-error.ts";
import type { MessageSource } from "../http/request-message.ts";
import type { JsonLimits } from "./limits.ts";

/** `workerData` of the thread that converts large texts. */
export interface ThreadStart {
  /** A serialized `google.protobuf.FileDescriptorSet`. */
  readonly descriptorSet: Uint8Array;
  readonly limits: JsonLimits;
}

/** Names a binding of a method, since descriptors cannot be sent to a thread. */
export interface BindingRef {
  readonly service: string;
  readonly method: string;
  /** Which of the bindings of its `google.api.http` option; undefined if messages travel whole, as over a WebSocket. */
  readonly index: number | undefined;
}

/** One conversion. The first is sent after `ready`, each further one after the result of the previous one. */
export type Task = { readonly binding: BindingRef } & (
  | { readonly kind: "request"; readonly source: MessageSource }
  | { readonly kind: "reply"; readonly payload: Uint8Array }
  /** A reply of a stream, with the texts before and after it. */
  | { readonly kind: "text"; readonly payload: Uint8Array; readonly before: string; readonly after: string }
);

export type TaskResult =
  | { readonly kind: "done"; readonly contentType: string; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "refused"; readonly code: HttpErrorCode; readonly text: string }
  | { readonly kind: "failed"; readonly text: string };

/** From the thread: `ready` once, then the result of each task. */
export type FromThread = { readonly kind: "ready" } | TaskResult;
