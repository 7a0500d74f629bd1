// SPDX-License-Identifier: Apache-2.0

import type { Any } from "@bufbuild/protobuf/wkt";

import type { ClientAction, Forward, Metadata, SideEffect } from "../../protocol/gen/cloudstate/entity_pb.ts";
import { unpack } from "../any.ts";
import { OtherRequestSchema, ResponseSchema } from "./gen/model_pb.ts";

/** An answer without its empty parts. An effect is its method and id, followed by `!` if it is synchronous. */
export type ShortAnswer = (
  | { readonly reply: string; readonly metadata?: readonly unknown[] }
  | { readonly forward: string }
  | { readonly failure: string; readonly restart?: true; readonly status?: number }
  | { readonly none: true }
) & { readonly effects?: readonly string[] };

export function shortAnswer(
  action: ClientAction["action"] | undefined,
  sideEffects: readonly SideEffect[],
): ShortAnswer {
  const effects = sideEffects.map((one) => callOf(one) + (one.synchronous ? "!" : ""));
  return { ...shortAction(action), ...(effects.length > 0 && { effects }) };
}

function shortAction(action: ClientAction["action"] | undefined): ShortAnswer {
  switch (action?.case) {
    case "reply":
      return { reply: replyText(action.value.payload), ...shortMetadata(action.value.metadata) };
    case "forward":
      return { forward: callOf(action.value), ...shortMetadata(action.value.metadata) };
    case "failure": {
      const { description, restart, grpcStatus } = action.value;
      return {
        failure: description,
        ...(restart && { restart }),
        ...(grpcStatus !== 0 && { status: grpcStatus }),
      };
    }
    case undefined:
      return { none: true };
  }
}

function shortMetadata(metadata: Metadata | undefined): { readonly metadata?: readonly unknown[] } {
  if (metadata === undefined) return {};
  return { metadata: metadata.entries.map(({ key, value }) => [key, value.value]) };
}

function replyText(payload: Any | undefined): string {
  if (payload?.typeUrl.endsWith("google.protobuf.Empty") === true) return "empty";
  return unpack(ResponseSchema, payload, "reply").message;
}

function callOf(call: Forward | SideEffect): string {
  return `${call.serviceName}/${call.commandName} ${unpack(OtherRequestSchema, call.payload, "call").id}`;
}
