// SPDX-License-Identifier: Apache-2.0

import type { Command } from "commander";

import { reportCommand } from "../inspect/report-command.ts";

const EXAMPLES = `Examples:
  $ perdure shards                         as the first proxy of perdure dev for the function in this folder knows it
  $ perdure shards --proxy dev-2           as another one of that perdure dev knows it
  $ perdure shards --admin-port 9010       as any other proxy on this machine knows it
  $ perdure shards --format json | jq '.shards[] | select(.state != "owned")'
`;

const NOTES = `
An entity belongs to one of 1024 shards, and a shard to one proxy. Each proxy of a cluster knows who owns which. The columns:
  share   of 100 requests, how many go to the revision of this proxy
  shards  how many the proxy owns now; due: how many it should own by its share; which: the first of them
  since   how long it has owned them, as far as the proxy that is asked has seen it
  epoch   how often their owner has changed
  open    commands that have begun, for which a shard that moves still waits
For a proxy in a pod: kubectl port-forward POD 9010.`;

/** `perdure shards`. */
export function shardsCommand(): Command {
  return reportCommand({
    name: "shards",
    summary: "show which proxy owns which shards, and which move",
    description:
      "Shows which proxy of a cluster owns which shards of its service, since when, and which move.",
    examples: EXAMPLES,
    notes: NOTES,
  });
}
