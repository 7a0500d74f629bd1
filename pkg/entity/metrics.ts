// SPDX-License-Identifier: Apache-2.0

import { counter, DURATION_BUCKETS, gauge, histogram, STAY_BUCKETS } from "../telemetry/mod.ts";

/** The kind of the service, and its entity type, or the full name of an action. */
const OF_TYPE = ["kind", "type"] as const;

/** Commands to entities and actions. */
export const COMMAND_METRICS = {
  received: counter(
    "commands_received",
    OF_TYPE,
    "Commands, and streams of them to actions, that have come to their entity or action; those of forwards and side effects too.",
  ),
  completed: counter("commands_completed", OF_TYPE, "Those that were carried out and answered."),
  failed: counter(
    "commands_failed",
    OF_TYPE,
    "Those that were answered with an error, be it of the user function, the log or the proxy.",
  ),
  duration: histogram(
    "command_seconds",
    OF_TYPE,
    "From the arrival of a command at its entity or action to its answer or error, if it had its turn.",
    DURATION_BUCKETS,
  ),
  queued: counter(
    "commands_queued",
    OF_TYPE,
    "Commands that had to wait for their entity, because it was being read or had another command.",
  ),
  dequeued: counter(
    "commands_dequeued",
    OF_TYPE,
    "Those that do not wait any more. What was queued and not dequeued waits now.",
  ),
  queueTime: histogram(
    "command_queue_seconds",
    OF_TYPE,
    "How long a command waited for its entity, if it had to.",
    DURATION_BUCKETS,
  ),
  processing: histogram(
    "command_processing_seconds",
    OF_TYPE,
    "From the sending of a command to the user function to the user function's answer. Of entities.",
    DURATION_BUCKETS,
  ),
  append: histogram(
    "command_append_seconds",
    OF_TYPE,
    "From the user function's answer until the log had stored what it asks for, or had refused it.",
    DURATION_BUCKETS,
  ),
} as const;

/** Entities in memory, and what they store and load. */
export const ENTITY_METRICS = {
  inMemory: gauge("entities_in_memory", [], "Entities in memory now."),
  memory: gauge(
    "entities_memory_bytes",
    [],
    "Memory of entities and their side effects, of which `--max-entity-bytes` is the bound.",
  ),
  activated: counter("entities_activated", OF_TYPE, "Entities that have come into memory."),
  passivated: counter(
    "entities_passivated",
    OF_TYPE,
    "Entities that have left memory because they were idle or their place was needed.",
  ),
  failed: counter(
    "entities_failed",
    OF_TYPE,
    "Entities that have left memory because their stream was lost or their history could not be used.",
  ),
  activation: histogram(
    "entity_activation_seconds",
    OF_TYPE,
    "How long it took to read an entity's history and send it to the user function, also after a failed append.",
    DURATION_BUCKETS,
  ),
  activeTime: histogram("entity_active_seconds", OF_TYPE, "How long an entity was in memory.", STAY_BUCKETS),
  storedEvents: counter(
    "stored_events",
    OF_TYPE,
    "Events that were stored; of a value entity, values and deletions.",
  ),
  storedEventBytes: counter("stored_event_bytes", OF_TYPE, "Their bytes, as the user function gave them."),
  loadedEvents: counter(
    "loaded_events",
    OF_TYPE,
    "Events, or values, that were read and sent to the user function.",
  ),
  loadedEventBytes: counter("loaded_event_bytes", OF_TYPE, "Their bytes."),
  storedSnapshots: counter("stored_snapshots", OF_TYPE, "Snapshots that were stored."),
  storedSnapshotBytes: counter("stored_snapshot_bytes", OF_TYPE, "Their bytes."),
  loadedSnapshots: counter(
    "loaded_snapshots",
    OF_TYPE,
    "Snapshots that were read and sent to the user function.",
  ),
  loadedSnapshotBytes: counter("loaded_snapshot_bytes", OF_TYPE, "Their bytes."),
} as const;
