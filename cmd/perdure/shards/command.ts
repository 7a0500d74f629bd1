// SPDX-License-Identifier: Apache-2.0

import type { Command } from "commander";

import { reportCommand } from "../inspect/report-command.ts";

const EXAMPLES = `Examples:
  $ perdure shards                         as the proxy that perdure dev runs for the function in this folder knows it
  $ perdure shards --admin-port 9010       as another one on this machine knows it
  $ perdure shards --format json | jq '.shards[] | select(.state != "owned")'
`;

const NOTES = `
An entity belongs to one of 1024 shards, and a shard to one proxy. Each proxy of a cluster knows who owns which.
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
