// SPDX-License-Identifier: Apache-2.0

import { Command, CommanderError } from "commander";

import { describeError } from "../../../pkg/base/mod.ts";
import { PROXY_VERSION } from "../../../pkg/proxy/mod.ts";
import { SettingError } from "../../../pkg/settings/mod.ts";

import { devCommand } from "../dev/command.ts";
import type { DevErrorCode } from "../dev/dev-error.ts";
import { DevError } from "../dev/dev-error.ts";
import { inspectCommand } from "../inspect/command.ts";
import type { InspectErrorCode } from "../inspect/inspect-error.ts";
import { InspectError } from "../inspect/inspect-error.ts";
import { shardsCommand } from "../shards/command.ts";
import { snapshotsCommand } from "../snapshots/command.ts";
import type { SnapshotsErrorCode } from "../snapshots/snapshots-error.ts";
import { SnapshotsError } from "../snapshots/snapshots-error.ts";

const EXAMPLES = `Examples:
  $ perdure dev                    run the function in this folder and its proxy, on http://127.0.0.1:9000
  $ perdure dev --help             everything else that it can do
  $ perdure inspect                what the running proxy does now
  $ perdure shards                 which proxy of a cluster owns which shards
  $ perdure snapshots --help       list, show and drop the snapshots in a log
`;

/** The command line `perdure`. Gives the exit code: 0 as asked, 1 failed, 2 wrong usage. */
export async function run(argv: readonly string[]): Promise<number> {
  // Only in `dev` the part after `--` is the function's command. In other commands it has its usual meaning.
  const end = argv[0] === "dev" ? argv.indexOf("--") : -1;
  const own = end === -1 ? argv : argv.slice(0, end);
  const command = end === -1 ? [] : argv.slice(end + 1);
  const program = new Command("perdure")
    .description("Stateful functions on Knative: the tools of their developers.")
    .version(PROXY_VERSION)
    .addHelpText("before", EXAMPLES)
    .exitOverride();
  program.addCommand(devCommand(command).exitOverride().showHelpAfterError("(perdure dev --help shows all)"));
  program.addCommand(inspectCommand());
  program.addCommand(shardsCommand());
  program.addCommand(snapshotsCommand());
  try {
    await program.parseAsync(own, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    process.stderr.write(`perdure: ${describeFailure(error)}\n`);
    return isUsage(error) ? 2 : 1;
  }
}

/** The text of an error. Our own errors already have their causes in their text. */
function describeFailure(error: unknown): string {
  return isOurs(error) ? error.message : describeError(error);
}

function isUsage(error: unknown): boolean {
  return error instanceof SettingError || (isOurs(error) && USAGE.includes(error.code));
}

function isOurs(error: unknown): error is DevError | InspectError | SnapshotsError {
  return error instanceof DevError || error instanceof InspectError || error instanceof SnapshotsError;
}

const USAGE: readonly string[] = ["BAD_USAGE", "NO_FUNCTION"] satisfies (
  | DevErrorCode
  | InspectErrorCode
  | SnapshotsErrorCode
)[];
