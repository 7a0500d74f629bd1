// SPDX-License-Identifier: Apache-2.0

import { decorate } from "../base/mod.ts";
import type { AttributeValue, Span, SpanStart, TraceContext, Tracer } from "../telemetry/mod.ts";
import { ATTRIBUTES, FixedAttributes, NATS } from "../telemetry/mod.ts";

import type { EntityKey, EventLog } from "./event-log.ts";

/** Most types of entities whose attributes are kept; there are only as many as the user function has services. */
const MAX_TYPES = 1_000;

/**
 * A log whose appends and reads are spans.
 *
 * @param isOnNats Its records are messages, and the spans say so.
 */
export function tracedLog(log: EventLog, tracer: Tracer, isOnNats = false): EventLog {
  const sends = optionsByType(isOnNats ? messaging("publish", "send") : {});
  const receives = optionsByType(isOnNats ? messaging("fetch", "receive") : {});
  const describe = (span: Span, entity: EntityKey): void => {
    if (isOnNats) span.set(ATTRIBUTES.messagingPartition, String(log.partitionOf(entity)));
  };
  const storing =
    (name: "append" | "replace"): EventLog["append"] =>
    (entity, expected, record, trace) => {
      const span = tracer.start(name, trace, sends(entity));
      if (isKept(span)) {
        describe(span, entity);
        span.set(isOnNats ? ATTRIBUTES.messageSize : ATTRIBUTES.bytes, record.length);
      }
      return ended(span, log[name](entity, expected, record));
    };
  const reading = <T>(
    name: string,
    entity: EntityKey,
    trace: TraceContext | undefined,
    work: () => Promise<T>,
  ) => {
    const span = tracer.start(name, trace, receives(entity));
    if (isKept(span)) describe(span, entity);
    return ended(span, work());
  };
  return decorate(log, {
    append: storing("append"),
    replace: storing("replace"),
    read: (entity, after, trace) => reading("read", entity, trace, () => log.read(entity, after)),
    readLast: (entity, trace) => reading("read last", entity, trace, () => log.readLast(entity)),
  });
}

function messaging(operation: string, type: "send" | "receive"): Readonly<Record<string, AttributeValue>> {
  return {
    [ATTRIBUTES.messagingSystem]: NATS,
    [ATTRIBUTES.messagingOperation]: operation,
    [ATTRIBUTES.messagingOperationType]: type,
  };
}

/** What the spans of a type of entity have in common. */
function optionsByType(more: Readonly<Record<string, AttributeValue>>): (entity: EntityKey) => SpanStart {
  const known = new Map<string, SpanStart>();
  return ({ type }) => {
    const found = known.get(type);
    if (found !== undefined) return found;
    if (known.size === MAX_TYPES) known.clear();
    const attributes = new FixedAttributes({ [ATTRIBUTES.entityType]: type, ...more });
    const made = { kind: "client" as const, attributes };
    known.set(type, made);
    return made;
  };
}

function isKept({ context }: Span): boolean {
  return context?.isSampled === true;
}

/** The span ends when the work does, and before whoever waits for the work goes on. */
function ended<T>(span: Span, work: Promise<T>): Promise<T> {
  if (isKept(span))
    work.then(
      () => span.end(),
      (thrown: unknown) => span.end(thrown),
    );
  return work;
}
