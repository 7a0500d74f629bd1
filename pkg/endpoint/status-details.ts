// SPDX-License-Identifier: Apache-2.0

import { toBinary } from "@bufbuild/protobuf";

import type { StatusError } from "../grpc/mod.ts";
import { ErrorInfoSchema, messageTypeUrl, StatusSchema } from "../protocol/mod.ts";

/** Within which our codes are unique, in a `google.rpc.ErrorInfo`. */
export const ERROR_DOMAIN = "perdure.dev";

/** The trailer of gRPC that has a status with its details. */
export const DETAILS_TRAILER = "grpc-status-details-bin";

/** How many messages a call has is gRPC's own rule: its conformance tests want a breach of it without details. */
const MESSAGE_COUNT = "MESSAGE_COUNT";

/** Longest text that has details, in characters: it is in `grpc-message` too, and some peers take 8 KiB of headers. */
const MAX_TEXT = 512;

/**
 * An error as a serialized `google.rpc.Status`, with its code as the reason in a `google.rpc.ErrorInfo`. Undefined if its
 * text is long: some clients read no other text than this one, so it is whole or not there.
 */
export function statusDetails({ status, code, message }: StatusError): Uint8Array | undefined {
  if (message.length > MAX_TEXT || code === MESSAGE_COUNT) return undefined;
  const info = toBinary(ErrorInfoSchema, {
    $typeName: "google.rpc.ErrorInfo",
    reason: code,
    domain: ERROR_DOMAIN,
    metadata: {},
  });
  return toBinary(StatusSchema, {
    $typeName: "google.rpc.Status",
    code: status,
    message,
    details: [{ $typeName: "google.protobuf.Any", typeUrl: INFO_TYPE, value: info }],
  });
}

const INFO_TYPE = messageTypeUrl(ErrorInfoSchema.typeName);
