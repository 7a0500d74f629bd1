// SPDX-License-Identifier: Apache-2.0

import type { Command } from "commander";

import { reportCommand } from "./report-command.ts";

const EXAMPLES = `Examples:
  $ perdure inspect                        the proxy that perdure dev runs for the function in this folder
  $ perdure inspect --proxy dev-2          one of several that perdure dev --proxies runs
  $ perdure inspect --admin-port 9010      any other one on this machine
  $ perdure inspect --json | jq .commands.slowestOfLastMinute
`;

const NOTES = `
For a proxy in a pod: kubectl port-forward POD 9010. It names entities only if PERDURE_DRAIN_SECRET is here what it is there.`;

/** `perdure inspect`. */
export function inspectCommand(): Command {
  return reportCommand({
    name: "inspect",
    summary: "show what a running proxy does now",
    description: "Shows what each part of a running proxy does now: entities, queues, memory, slow commands.",
    examples: EXAMPLES,
    notes: NOTES,
  });
}
