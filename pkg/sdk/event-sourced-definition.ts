// SPDX-License-Identifier: Apache-2.0

import { inspect } from "node:util";

import type { DescMessage, DescService, Message } from "@bufbuild/protobuf";

import type { EntityDefinition, UncheckedEntity } from "./definition.ts";
import { checkService, checkState, entityFaults, isDescriptor, isWhole, refuse } from "./definition.ts";
import { toMessage } from "./to-message.ts";

export interface EventEntry {
  readonly schema: DescMessage;
  readonly apply: (state: Message, event: Message) => unknown;
}

/** A definition, ready for `serve` and for the test kit. Made by `eventSourced`. */
export interface EventSourcedEntity<
  Service extends DescService = DescService,
  State extends DescMessage = DescMessage,
> extends EntityDefinition<Service, State> {
  readonly kind: "eventSourced";
  readonly snapshotEvery: number;
  readonly snapshotVersion: string;
  /** By the event's full message name. */
  readonly events: ReadonlyMap<string, EventEntry>;
}

interface UncheckedOptions extends UncheckedEntity {
  readonly snapshotEvery?: unknown;
  readonly snapshotVersion?: unknown;
  readonly events: unknown;
}

/** Longest version of snapshots, in UTF-16 code units, as the proxy has it. */
const MAX_VERSION_LENGTH = 100;

/** @throws SdkError `BAD_ENTITY` with every fault of the definition. */
export function checkEventSourced(service: DescService, state: DescMessage, options: UncheckedOptions): void {
  checkService("eventSourced", service);
  checkState(service, state);
  const { snapshotEvery, snapshotVersion = "" } = options;
  const faults = entityFaults(service, options, "event sourced entities");
  if (snapshotEvery !== undefined && !isWhole(snapshotEvery, 0)) {
    faults.push(`snapshotEvery must be a whole number, 0 or more, not ${inspect(snapshotEvery)}`);
  }
  if (typeof snapshotVersion !== "string" || snapshotVersion.length > MAX_VERSION_LENGTH) {
    const most = `up to ${MAX_VERSION_LENGTH} characters`;
    faults.push(`snapshotVersion must be a text of ${most}, not ${inspect(snapshotVersion)}`);
  }
  refuse(service, [...faults, ...eventFaults(options.events)]);
}

export function eventTable(events: unknown): ReadonlyMap<string, EventEntry> {
  return new Map((events as readonly EventEntry[]).map((entry) => [entry.schema.typeName, entry]));
}

/** The state after the event. @throws SdkError `BAD_RESULT` if the handler did not give one. */
export function applyEvent(
  entity: EventSourcedEntity,
  { schema, apply }: EventEntry,
  state: Message,
  event: Message,
): Message {
  return toMessage(
    entity.state,
    apply(state, event),
    `the handler of event ${schema.typeName}`,
    "BAD_RESULT",
  );
}

function eventFaults(events: unknown): string[] {
  if (!Array.isArray(events)) return ["events must be a list of on(...)"];
  const faults: string[] = [];
  const seen = new Set<string>();
  for (const [index, entry] of (events as readonly unknown[]).entries()) {
    const { schema, apply } = (entry ?? {}) as Partial<EventEntry>;
    if (!isDescriptor(schema, "message") || typeof apply !== "function") {
      faults.push(`events[${index}] is not made by on(schema, apply)`);
    } else if (seen.has(schema.typeName)) {
      faults.push(`events has two handlers of ${schema.typeName}`);
    } else {
      seen.add(schema.typeName);
    }
  }
  return faults;
}
