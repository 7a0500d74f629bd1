// SPDX-License-Identifier: Apache-2.0

import type { DescMethod } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import { pack } from "./any.ts";
import { SdkError } from "./error.ts";
import type { MetadataInit } from "./metadata.ts";
import { toMessage } from "./to-message.ts";

/** A method that can be the target of a forward or an effect: `ShoppingCart.method.addItem`. */
export type UnaryMethod = DescMethod & { readonly methodKind: "unary" };

export interface CallOptions {
  /** Default: none. */
  readonly metadata?: MetadataInit;
}

export interface ReplyOptions extends CallOptions {
  /** Sent to a caller over gRPC after the reply; in a stream, after the last reply. Default: none. */
  readonly trailers?: MetadataInit;
}

export interface EffectOptions extends CallOptions {
  /** The proxy waits until it is done before it carries out later effects and sends the answer. Default false. */
  readonly synchronous?: boolean;
}

/** @throws SdkError `UNKNOWN_METHOD` for a method that a proxy could not call. */
export type CheckTarget = (method: DescMethod) => void;

/** The target and the message of a `forward` or `effect`, as the protocol names them. */
export interface Call {
  readonly serviceName: string;
  readonly commandName: string;
  readonly payload: Any;
}

/**
 * @param what the function that was called.
 * @throws SdkError `UNKNOWN_METHOD`, `BAD_MESSAGE`
 */
export function callOf(
  what: "forward" | "effect",
  method: DescMethod,
  init: unknown,
  check: CheckTarget,
): Call {
  // JavaScript code may pass any value, most often the undefined of a misspelled method.
  const { kind } = (method ?? {}) as Partial<DescMethod>;
  if (kind !== "rpc") {
    throw new SdkError(
      "UNKNOWN_METHOD",
      `${what} takes a method, as Service.method.name, not ${typeof method}`,
    );
  }
  if (method.methodKind !== "unary") {
    throw new SdkError("UNKNOWN_METHOD", `${what} to ${nameOf(method)}, which is streamed`);
  }
  check(method);
  const message = toMessage(method.input, init, `${what} to ${nameOf(method)}`, "BAD_MESSAGE");
  return {
    serviceName: method.parent.typeName,
    commandName: method.name,
    payload: pack(method.input, message),
  };
}

/** As people and tools write it: `com.example.Service/Method`. */
export function nameOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}
