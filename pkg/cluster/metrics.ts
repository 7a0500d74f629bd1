// SPDX-License-Identifier: Apache-2.0

import { counter, DURATION_BUCKETS, gauge, histogram } from "../telemetry/mod.ts";

/** What a proxy tells that shares its entities with others. One that is alone tells none of it. */
export const CLUSTER_METRICS = {
  member: gauge(
    "cluster_member",
    [],
    "1 if the proxy is a member of the group of proxies that share their entities, else 0: then it answers for none.",
  ),
  renewalAge: gauge(
    "cluster_renewal_age_seconds",
    [],
    "How long ago the proxy asked NATS for the last confirmation that it got of being a member. Up to about 2 without load, less with; at seven tenths of `--member-ttl` it stops serving entities.",
  ),
  members: gauge(
    "cluster_members",
    ["state"],
    "Members as this proxy sees them, itself among them. `state` is `live`; `silent`, if nothing was heard of it lately; `leaving`; or `unseen`, if it owns shards and is not known otherwise. Those that are gone do not count.",
  ),
  owned: gauge("shards_owned", [], "Shards that the proxy owns, of 1024."),
  unowned: gauge(
    "shards_unowned",
    [],
    "Shards that no member owns, as this proxy sees it: commands for their entities wait. It is 0 but for moments.",
  ),
  taken: counter("shards_taken", [], "How often the proxy has begun to serve a shard."),
  handoff: histogram(
    "shard_handoff_seconds",
    [],
    "From the moment when the proxy takes no more commands of a shard, because another one is to have it, until it has written down who owns the shard next. The shard's commands wait so long, and until the other one has it.",
    DURATION_BUCKETS,
  ),
  lost: counter(
    "shards_lost",
    [],
    "How often the proxy lost a shard that it had not handed over: it was no member any more, or another one had taken the shard.",
  ),
  delayed: counter(
    "answers_delayed",
    [],
    "Answers that waited until NATS had confirmed again that the proxy is a member.",
  ),
  withheld: counter(
    "answers_withheld",
    [],
    "Answers that never left, because the proxy had lost their shard meanwhile. Their commands began again at the new owner, or failed with `ANSWER_WITHHELD`.",
  ),
  forwarded: counter(
    "forwarded_commands",
    ["outcome"],
    "Commands that the proxy sent to the owners of their entities, and that are over. `outcome` is `answered`, be it with an error of the entity, or the [code](errors.md) of the error with which no answer came.",
  ),
  forwardDuration: histogram(
    "forwarded_command_seconds",
    [],
    "From the sending of such a command to its answer, or to the error.",
    DURATION_BUCKETS,
  ),
  openForwarded: gauge(
    "forwarded_commands_open",
    ["direction"],
    "Commands between proxies that are under way now: `out`, which others carry out for this one; `in`, which this one carries out for others. Their bytes are the account `peers`.",
  ),
} as const;
