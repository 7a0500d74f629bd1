// SPDX-License-Identifier: Apache-2.0

import type { DescMethod } from "@bufbuild/protobuf";

import type { BidiMethod } from "../../grpc/mod.ts";
import type { UserFunctionSpec } from "../../userfunction/mod.ts";

import { streamedMethod } from "../grpc-methods.ts";
import { wholeMessages } from "../http/http-rule.ts";
import type { JsonCodec, JsonCodecs } from "../json/json-codec.ts";
import type { ServingContext } from "../serving.ts";

/** A method as WebSockets call it. */
export interface WebSocketMethod {
  readonly desc: DescMethod;
  /** Converts its messages to and from JSON. */
  readonly codec: JsonCodec;
  /** Undefined: it has a stream in neither direction. */
  readonly handler: BidiMethod | undefined;
}

/** By path, as `/shop.Ordering/Scan`. */
export type WebSocketMethods = ReadonlyMap<string, WebSocketMethod>;

/** The methods of a specification. */
export function webSocketMethods(
  spec: UserFunctionSpec,
  codecs: JsonCodecs,
  context: ServingContext,
): WebSocketMethods {
  const methods = new Map<string, WebSocketMethod>();
  for (const [name, service] of spec.services) {
    for (const method of service.methods.values()) {
      const { desc } = method;
      const handler = desc.methodKind === "unary" ? undefined : streamedMethod(method, context);
      const codec = codecs.of(wholeMessages(desc), undefined);
      methods.set(`/${name}/${desc.name}`, { desc, codec, handler });
    }
  }
  return methods;
}
