// SPDX-License-Identifier: Apache-2.0

import { resolve } from "node:path";

import { Command } from "commander";

import { devLogPath } from "../dev/log-path.ts";
import { readProject } from "../dev/project.ts";
import { otherRun } from "../dev/run-note.ts";
import { InspectError } from "./inspect-error.ts";
import { readReport } from "./read-report.ts";

const EXAMPLES = `Examples:
  $ perdure inspect                        the proxy that perdure dev runs for the function in this folder
  $ perdure inspect --admin-port 9010      another one on this machine
  $ perdure inspect --json | jq .commands.slowestOfLastMinute
`;

const NOTES = `
For a proxy in a pod: kubectl port-forward POD 9010. It names entities only if PERDURE_DRAIN_SECRET is here what it is there.

Exit codes: 0 shown, 1 no proxy answers or it gives no report, 2 wrong usage.`;

interface Flags {
  readonly adminPort?: string;
  readonly dir: string;
  readonly json?: boolean;
}

/** Default of the proxy's `--admin-port`. */
const USUAL_PORT = 9_010;

/** `perdure inspect`. */
export function inspectCommand(): Command {
  return new Command("inspect")
    .summary("show what a running proxy does now")
    .description("Shows what each part of a running proxy does now: entities, queues, memory, slow commands.")
    .addHelpText("before", EXAMPLES)
    .addHelpText("after", NOTES)
    .exitOverride()
    .showHelpAfterError("(perdure inspect --help shows all)")
    .allowExcessArguments(false)
    .option(
      "--admin-port <port>",
      "admin port of the proxy (env ADMIN_PORT, default that of perdure dev, or else 9010)",
    )
    .option("--dir <folder>", "folder of the function, for that default", ".")
    .option("--json", "as one line of JSON")
    .action(inspect);
}

async function inspect(flags: Flags): Promise<void> {
  // The reader of the output may close it early, as `head` does.
  process.stdout.on("error", () => undefined);
  const port = adminPort(flags, process.env, process.cwd());
  const secret = process.env["PERDURE_DRAIN_SECRET"] ?? "";
  const report = await readReport(port, flags.json === true ? "json" : "text", secret);
  process.stdout.write(`${report}\n`);
}

/** Flag, else variable, else that of a running `perdure dev`, else the usual one. @throws InspectError */
function adminPort({ adminPort: flag, dir }: Flags, env: Readonly<NodeJS.ProcessEnv>, cwd: string): number {
  const given = flag ?? (env["ADMIN_PORT"] || undefined);
  if (given === undefined) return runningPort(resolve(cwd, dir), cwd) ?? USUAL_PORT;
  const port = /^\d{1,5}$/.test(given) ? Number(given) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new InspectError("BAD_USAGE", `the admin port must be from 1 to 65535, not ${JSON.stringify(given)}`);
}

/** The admin port of the `perdure dev` that runs for a folder; undefined: none does, or it keeps no log there. */
function runningPort(folder: string, cwd: string): number | undefined {
  const project = projectIn(folder);
  return project === undefined ? undefined : otherRun(devLogPath(project, folder, cwd))?.adminPort;
}

/** The name of a function; undefined: there is none in the folder. */
function projectIn(folder: string): string | undefined {
  try {
    return readProject(folder).name;
  } catch {
    return undefined;
  }
}
