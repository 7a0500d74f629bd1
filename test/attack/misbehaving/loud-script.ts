// SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";

import { messageTypeUrl } from "../../../pkg/protocol/mod.ts";

import { COUNTER_REQUEST, COUNTER_SERVICE, counterRequest } from "../../lib/counter.ts";
import type { Script } from "../../lib/scripted-user-function.ts";

/** A text that no log line should hold whole. */
const LONG_TEXT = "x".repeat(20_000);

/** Whether the entity is a loud one, or the target of a loud one's side effect. */
export function isLoud(entityId: string): boolean {
  return entityId.startsWith("caller-") || entityId === "target";
}

/** Makes three mistakes with each command of the entities `caller-…`. The target of the side effect fails as well. */
export const answerLoudly: NonNullable<Script["onMessage"]> = ({ message }, stream) => {
  if (message.case !== "command") return;
  const { id: commandId, entityId } = message.value;
  if (!entityId.startsWith("caller-")) {
    const action = { case: "failure" as const, value: { commandId, description: LONG_TEXT } };
    stream.send({ message: { case: "reply", value: { commandId, clientAction: { action } } } });
    return;
  }
  const value = counterRequest("target");
  const payload = create(AnySchema, { typeUrl: messageTypeUrl(COUNTER_REQUEST), value });
  const other = create(AnySchema, { typeUrl: messageTypeUrl("perdure.test.Other"), value });
  const failing = { serviceName: COUNTER_SERVICE, commandName: "Add", payload, synchronous: true };
  const missing = { ...failing, commandName: `NotThere${commandId}` };
  const action = { case: "reply" as const, value: { payload: other } };
  stream.send({
    message: {
      case: "reply",
      value: { commandId, clientAction: { action }, sideEffects: [failing, missing] },
    },
  });
};
