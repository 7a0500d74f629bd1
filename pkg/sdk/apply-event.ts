// SPDX-License-Identifier: Apache-2.0

import type { Message } from "@bufbuild/protobuf";

import type { EventEntry, EventSourcedEntity } from "./event-sourced-definition.ts";
import { toMessage } from "./to-message.ts";

/** The state after the event. @throws SdkError `BAD_RESULT` if the handler did not give one. */
export function applyEvent(
  entity: EventSourcedEntity,
  entry: EventEntry,
  state: Message,
  event: Message,
): Message {
  const who = `the handler of event ${entry.schema.typeName}`;
  return toMessage(entity.state, entry.apply(state, event), who, "BAD_RESULT");
}
