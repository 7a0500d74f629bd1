// SPDX-License-Identifier: Apache-2.0

import { inspect } from "node:util";

import type { DescMessage, Message } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";

import { SdkError } from "./error.ts";
import type { EventSourcedEntity } from "./event-sourced.ts";
import type { EventEntry } from "./event-sourced-definition.ts";

/** The state after the event. Raises `BAD_RESULT` if the handler did not give one. */
export function applyEvent(
  entity: EventSourcedEntity,
  entry: EventEntry,
  state: Message,
  event: Message,
): Message {
  return toMessage(entity.state, entry.apply(state, event), `the handler of event ${entry.schema.typeName}`);
}

/** What a user's function gave, as the message that it should be. Fields alone are completed. */
export function toMessage(schema: DescMessage, returned: unknown, who: string): Message {
  if (typeof returned !== "object" || returned === null) {
    const what = returned === undefined ? "nothing" : inspect(returned);
    throw new SdkError("BAD_RESULT", `${who} gave ${what} in place of ${schema.typeName}`);
  }
  if (returned instanceof Promise) {
    // Nobody waits for it, and its failure must not end the process.
    returned.catch(() => undefined);
    throw new SdkError("BAD_RESULT", `${who} is async, which it must not be`);
  }
  const init = returned as Partial<Message>;
  if (init.$typeName !== undefined && init.$typeName !== schema.typeName) {
    throw new SdkError("BAD_RESULT", `${who} gave ${init.$typeName} in place of ${schema.typeName}`);
  }
  return create(schema, init as Record<string, unknown>);
}
