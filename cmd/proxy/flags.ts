// SPDX-License-Identifier: Apache-2.0

import { Command } from "commander";

import { PROXY_SETTING_GROUPS, PROXY_VERSION } from "../../pkg/proxy/mod.ts";
import { parseSettingFlags } from "../../pkg/settings/mod.ts";

const EXAMPLES = `
Examples:
  $ perdure-proxy                                        in front of 127.0.0.1:8080, state under .perdure/
  $ USER_FUNCTION_PORT=8088 perdure-proxy                another user function
  $ perdure-proxy --log sqlite:/var/lib/cart/log.db      another place for the state
  $ perdure-proxy --log nats://nats:4222/cart            state in NATS JetStream, for any number of proxies

If a setting has both a flag and an environment variable, the flag counts;
if it has neither, the default.
`;

/** The command line as text by flag. Prints help or a usage error and ends the process where that is asked for. */
export function parseFlags(argv: readonly string[]): Record<string, string | undefined> {
  const command = new Command("perdure-proxy")
    .description("Perdure's proxy: keeps the state of a user function and serves it to the world.")
    .addHelpText("before", EXAMPLES.trimStart())
    .allowExcessArguments(false)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  return parseSettingFlags(command, PROXY_SETTING_GROUPS, argv, PROXY_VERSION);
}
