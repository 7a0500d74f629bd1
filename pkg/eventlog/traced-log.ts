// SPDX-License-Identifier: Apache-2.0

import { decorate } from "../base/mod.ts";
import type { Tracer } from "../telemetry/mod.ts";
import { inSpan } from "../telemetry/mod.ts";

import type { EventLog } from "./event-log.ts";

/** A log whose appends and reads are spans. */
export function tracedLog(log: EventLog, tracer: Tracer): EventLog {
  return decorate(log, {
    append: (entity, expected, record, trace) =>
      inSpan(tracer, "append", trace, () => log.append(entity, expected, record)),
    replace: (entity, expected, record, trace) =>
      inSpan(tracer, "replace", trace, () => log.replace(entity, expected, record)),
    read: (entity, after) => inSpan(tracer, "read", undefined, () => log.read(entity, after)),
    readLast: (entity) => inSpan(tracer, "read last", undefined, () => log.readLast(entity)),
  });
}
