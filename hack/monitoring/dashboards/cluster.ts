// SPDX-License-Identifier: Apache-2.0

import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";

import { board, CHOSEN, lines, percentiles, rate, stack } from "./board.ts";

/** Services with several proxies, which share the entities. */
export function cluster(): Dashboard {
  return board(
    "perdure-cluster",
    "Perdure / Several proxies",
    "How the proxies of a service share its entities, and what they ask of each other.",
    [
      { title: "Who owns what", panels: owners() },
      { title: "Commands for other proxies", panels: forwarding() },
    ],
  );
}

function owners() {
  return [
    stack({ title: "Shards", help: "That each proxy owns, of 1024 of a service.", unit: "short" }, [
      "{{pod}}",
      `sum by (pod) (perdure_shards_owned{${CHOSEN}})`,
    ]),
    lines(
      {
        title: "Shards without an owner",
        help: "Their commands wait. More than 0 for longer than a few seconds is trouble with NATS.",
        unit: "short",
      },
      ["{{service}}", `min by (service) (perdure_shards_unowned{${CHOSEN}})`],
    ),
    lines(
      {
        title: "Members",
        help: "As each proxy sees them. All proxies should see the same.",
        unit: "short",
      },
      ["{{pod}} sees {{state}}", `sum by (pod, state) (perdure_cluster_members{${CHOSEN}})`],
      ["{{pod}} is one", `sum by (pod) (perdure_cluster_member{${CHOSEN}})`],
    ),
    lines(
      {
        title: "Age of the last confirmation",
        help: "How long ago NATS last confirmed that a proxy is a member. It should stay under 3 s; at 7 s, unless settings say otherwise, the proxy stops serving entities.",
        unit: "s",
      },
      ["{{pod}}", `max by (pod) (perdure_cluster_renewal_age_seconds{${CHOSEN}})`],
    ),
    lines(
      {
        title: "Shards that move",
        help: "Taken; handed over in order; lost, because the proxy was no member any more or another one had taken them.",
        unit: "ops",
      },
      ["{{service}} taken", rate("perdure_shards_taken_total", "service")],
      ["{{service}} handed over", rate("perdure_shard_handoff_seconds_count", "service")],
      ["{{service}} lost", rate("perdure_shards_lost_total", "service")],
    ),
    percentiles(
      {
        title: "Time of a handoff",
        help: "In which the commands of a shard wait. Long ones have a command that does not end, or long histories to pack.",
        unit: "s",
      },
      "perdure_shard_handoff_seconds",
      "service",
    ),
    lines(
      {
        title: "Answers held back",
        help: "Delayed until NATS confirmed that the proxy is a member; withheld for good, because it had lost the shard.",
        unit: "ops",
      },
      ["{{service}} delayed", rate("perdure_answers_delayed_total", "service")],
      ["{{service}} withheld", rate("perdure_answers_withheld_total", "service")],
    ),
  ];
}

function forwarding() {
  return [
    stack(
      {
        title: "Commands sent to other proxies",
        help: "In a second, by what became of them. Beside those that were answered, the codes are explained in docs/errors.md.",
        unit: "ops",
      },
      ["{{service}} {{outcome}}", rate("perdure_forwarded_commands_total", "service, outcome")],
    ),
    percentiles(
      {
        title: "Time of a command at another proxy",
        help: "From its sending to its answer, the work of the other proxy included.",
        unit: "s",
      },
      "perdure_forwarded_command_seconds",
      "service",
    ),
    lines(
      {
        title: "Commands under way",
        help: "in: of others, which the proxy carries out. out: of its callers, which others carry out.",
        unit: "short",
      },
      ["{{pod}} {{direction}}", `sum by (pod, direction) (perdure_forwarded_commands_open{${CHOSEN}})`],
    ),
  ];
}
