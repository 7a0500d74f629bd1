// SPDX-License-Identifier: Apache-2.0

import { Command } from "commander";

import { parseSettingFlags } from "../../pkg/settings/mod.ts";
import { WEBHOOK_SETTINGS } from "../../pkg/webhook/mod.ts";

const EXAMPLES = `
It runs in a pod of a service account (config/core of the sources), and needs no flag there.

If a setting has both a flag and an environment variable, the flag counts;
if it has neither, the default.
`;

/** The command line as text by flag. Prints help or a usage error and ends the process where that is asked for. */
export function parseFlags(argv: readonly string[]): Record<string, string | undefined> {
  const command = new Command("perdure-webhook")
    .description("Perdure's admission webhook: makes Knative Services stateful that are annotated so.")
    .addHelpText("before", EXAMPLES.trimStart())
    .allowExcessArguments(false)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  return parseSettingFlags(command, [{ title: "Settings", settings: WEBHOOK_SETTINGS }], argv);
}
