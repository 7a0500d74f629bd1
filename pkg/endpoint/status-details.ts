// SPDX-License-Identifier: Apache-2.0

import { toBinary } from "@bufbuild/protobuf";

import type { GrpcErrorCode, StatusError } from "../grpc/mod.ts";
import { ErrorInfoSchema, messageTypeUrl, StatusSchema } from "../protocol/mod.ts";

/** The domain of a `google.rpc.ErrorInfo`, within which our codes are unique. */
export const ERROR_DOMAIN = "perdure.dev";

/** The trailer of gRPC that has a status with its details. */
export const DETAILS_TRAILER = "grpc-status-details-bin";

/** An error without details: the number of messages is gRPC's own rule, whose conformance tests want none here. */
const MESSAGE_COUNT: string = "MESSAGE_COUNT" satisfies GrpcErrorCode;

/** Longest text that has details, in characters: it is in `grpc-message` too, and some peers take 8 KiB of headers. */
const MAX_TEXT = 512;

/**
 * An error as a serialized `google.rpc.Status`, with its code as the reason in a `google.rpc.ErrorInfo`. Undefined
 * for `MESSAGE_COUNT`, and if the text is too long: it is never cut, because some clients read only this text.
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
