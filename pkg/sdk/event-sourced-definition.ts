// SPDX-License-Identifier: Apache-2.0

import { inspect } from "node:util";

import type { DescMessage, DescService, Message } from "@bufbuild/protobuf";

import type { MethodEntry, UncheckedEntity } from "./definition.ts";
import { checkService, checkState, entityFaults, isDescriptor, isWhole, refuse } from "./definition.ts";

export interface EventEntry {
  readonly schema: DescMessage;
  readonly apply: (state: Message, event: Message) => unknown;
}

/** A definition, ready for `serve` and for the test kit. Made by `eventSourced`. */
export interface EventSourcedEntity<
  Service extends DescService = DescService,
  State extends DescMessage = DescMessage,
> {
  readonly kind: "eventSourced";
  readonly service: Service;
  readonly persistenceId: string;
  readonly state: State;
  readonly snapshotEvery: number;
  readonly snapshotVersion: string;
  readonly passivationTimeoutMs: number | undefined;
  /** By the method's name on the wire. */
  readonly methods: ReadonlyMap<string, MethodEntry>;
  /** By the event's full message name. */
  readonly events: ReadonlyMap<string, EventEntry>;
  readonly initial: (entityId: string) => Message;
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
  refuse(service, [
    ...entityFaults(service, options, "event sourced entities"),
    ...(snapshotEvery === undefined || isWhole(snapshotEvery, 0)
      ? []
      : [`snapshotEvery must be a whole number, 0 or more, not ${inspect(snapshotEvery)}`]),
    ...(typeof snapshotVersion === "string" && snapshotVersion.length <= MAX_VERSION_LENGTH
      ? []
      : [
          `snapshotVersion must be a text of up to ${MAX_VERSION_LENGTH} characters, not ${inspect(snapshotVersion)}`,
        ]),
    ...eventFaults(options.events),
  ]);
}

export function eventTable(events: unknown): ReadonlyMap<string, EventEntry> {
  return new Map((events as readonly EventEntry[]).map((entry) => [entry.schema.typeName, entry]));
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
