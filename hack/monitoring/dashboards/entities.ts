// SPDX-License-Identifier: Apache-2.0

import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";

import type { Unit } from "./board.ts";
import { board, CHOSEN, lines, percentiles, rate } from "./board.ts";

/** Commands by entity type, where their time goes, and the entities in memory. */
export function entities(): Dashboard {
  return board("perdure-entities", "Perdure / Entities", "Commands, and the entities that carry them out.", [
    { title: "Commands", panels: commands() },
    { title: "Where a command's time goes", panels: times() },
    { title: "Entities in memory", panels: inMemory() },
    { title: "What they store and load", panels: stored() },
  ]);
}

function commands() {
  return [
    lines(
      {
        title: "Commands",
        help: "Commands that have come to their entity or action, and those that were carried out, in a second; those of forwards and side effects too.",
        unit: "ops",
      },
      ["{{kind}} {{type}} come", rate("perdure_commands_received_total", "kind, type")],
      ["{{kind}} {{type}} done", rate("perdure_commands_completed_total", "kind, type")],
    ),
    lines({ title: "Commands that fail", help: "Answered with an error, in a second.", unit: "ops" }, [
      "{{kind}} {{type}}",
      rate("perdure_commands_failed_total", "kind, type"),
    ]),
    percentiles(
      {
        title: "Time of a command",
        help: "From its arrival at its entity or action to its answer.",
        unit: "s",
      },
      "perdure_command_seconds",
      "kind, type",
    ),
    lines(
      {
        title: "Commands that wait",
        help: "They wait because their entity is being read or has another command. If the line climbs, an entity gets more than it can do.",
        unit: "short",
      },
      [
        "{{kind}} {{type}}",
        `sum by (kind, type) (perdure_commands_queued_total{${CHOSEN}}) - sum by (kind, type) (perdure_commands_dequeued_total{${CHOSEN}})`,
      ],
    ),
  ];
}

function times() {
  return [
    percentiles(
      { title: "Waiting for the entity", help: "Only of commands that had to wait.", unit: "s" },
      "perdure_command_queue_seconds",
      "kind, type",
    ),
    percentiles(
      { title: "The user function", help: "From sending it the command to its answer.", unit: "s" },
      "perdure_command_processing_seconds",
      "kind, type",
    ),
    percentiles(
      { title: "Storing", help: "From the user function's answer until the log had stored it.", unit: "s" },
      "perdure_command_append_seconds",
      "kind, type",
    ),
    percentiles(
      {
        title: "Activation",
        help: "Reading an entity's history and sending it to the user function. Snapshots make it shorter.",
        unit: "s",
      },
      "perdure_entity_activation_seconds",
      "kind, type",
    ),
  ];
}

function inMemory() {
  return [
    lines({ title: "Entities in memory", help: "Now, by pod.", unit: "short" }, [
      "{{pod}}",
      `sum by (pod) (perdure_entities_in_memory{${CHOSEN}})`,
    ]),
    lines({ title: "Memory of entities", help: "Of them and their side effects.", unit: "bytes" }, [
      "{{pod}}",
      `sum by (pod) (perdure_entities_memory_bytes{${CHOSEN}})`,
    ]),
    lines(
      {
        title: "Coming and going",
        help: "Entities that fail have left memory because their stream was lost or their history could not be used.",
        unit: "ops",
      },
      ["{{type}} come", rate("perdure_entities_activated_total", "type")],
      ["{{type}} go", rate("perdure_entities_passivated_total", "type")],
      ["{{type}} fail", rate("perdure_entities_failed_total", "type")],
    ),
    percentiles(
      {
        title: "Time in memory",
        help: "Of entities that have left it. If it is near the passivation timeout, most of them have one command and go.",
        unit: "s",
      },
      "perdure_entity_active_seconds",
      "type",
    ),
  ];
}

function stored() {
  return [
    storedAndLoaded("Events", "Of value entities, values. In a second.", "ops", "events"),
    storedAndLoaded("Bytes of events", "As the user function gave them.", "Bps", "event_bytes"),
    storedAndLoaded("Snapshots", "In a second.", "ops", "snapshots"),
    storedAndLoaded("Bytes of snapshots", "As the user function gave them.", "Bps", "snapshot_bytes"),
  ];
}

/** @param what the middle of the names of the two metrics. */
function storedAndLoaded(title: string, help: string, unit: Unit, what: string) {
  return lines(
    { title, help, unit },
    ["{{type}} stored", rate(`perdure_stored_${what}_total`, "type")],
    ["{{type}} loaded", rate(`perdure_loaded_${what}_total`, "type")],
  );
}
