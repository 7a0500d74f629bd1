// SPDX-License-Identifier: Apache-2.0

import { resolve } from "node:path";

import { Command, Option } from "commander";

import { devLogPath } from "../dev/log-path.ts";
import { readProject } from "../dev/project.ts";
import type { RunNote } from "../dev/run-note.ts";
import { elsewhereNotePath, newestRun, runNotePath } from "../dev/run-note.ts";
import { InspectError } from "./inspect-error.ts";
import { readReport } from "./read-report.ts";

/** What a command of its kind says of itself. */
export interface ReportCommandTexts {
  /** Of the command, and of the path of the admin port whose answer it shows. */
  readonly name: "inspect" | "shards";
  readonly summary: string;
  readonly description: string;
  readonly examples: string;
  readonly notes: string;
}

interface Flags {
  readonly adminPort?: string;
  readonly proxy?: string;
  readonly dir: string;
  readonly format: "text" | "json";
}

/** Default of the proxy's `--admin-port`. */
const USUAL_PORT = 9_010;

const EXIT_CODES = `
Exit codes: 0 shown, 1 no proxy answers or it gives no report, 2 wrong usage.`;

/** A command that shows what the admin port of a running proxy says. */
export function reportCommand({ name, summary, description, examples, notes }: ReportCommandTexts): Command {
  return new Command(name)
    .summary(summary)
    .description(description)
    .addHelpText("before", examples)
    .addHelpText("after", `${notes}\n${EXIT_CODES}`)
    .exitOverride()
    .showHelpAfterError(`(perdure ${name} --help shows all)`)
    .allowExcessArguments(false)
    .option(
      "--admin-port <port>",
      "admin port of the proxy (env ADMIN_PORT, default that of perdure dev, or else 9010)",
    )
    .option("--dir <folder>", "folder of the function, for that default", ".")
    .option("--proxy <name>", "which one of several that perdure dev runs, such as dev-2 (default the first)")
    .addOption(
      new Option("--format <format>", "text for people, or one line of JSON")
        .choices(["text", "json"])
        .default("text"),
    )
    .addOption(new Option("--json", "short for --format json").implies({ format: "json" }))
    .action((flags: Flags) => show(name, flags));
}

async function show(name: ReportCommandTexts["name"], flags: Flags): Promise<void> {
  // The reader of the output may close it early, as `head` does.
  process.stdout.on("error", () => undefined);
  const port = adminPort(flags, process.env, process.cwd());
  const secret = process.env["PERDURE_DRAIN_SECRET"] ?? "";
  process.stdout.write(`${await readReport(port, name, flags.format, secret)}\n`);
}

/** Flag, else variable, else that of a running `perdure dev`, else the usual one. @throws InspectError */
function adminPort(
  { adminPort: flag, dir, proxy }: Flags,
  env: Readonly<NodeJS.ProcessEnv>,
  cwd: string,
): number {
  const given = flag ?? (proxy === undefined ? env["ADMIN_PORT"] || undefined : undefined);
  if (given === undefined) {
    const run = runningDev(resolve(cwd, dir), cwd);
    return proxy === undefined ? (run?.adminPort ?? USUAL_PORT) : portOf(proxy, run);
  }
  if (proxy !== undefined)
    throw new InspectError(
      "BAD_USAGE",
      "--proxy and --admin-port both say which proxy it is: give one of them",
    );
  const port = /^\d{1,5}$/.test(given) ? Number(given) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new InspectError("BAD_USAGE", `the admin port must be from 1 to 65535, not ${JSON.stringify(given)}`);
}

/** The admin port of one of several proxies. @throws InspectError */
function portOf(name: string, run: RunNote | undefined): number {
  if (run === undefined)
    throw new InspectError("NOT_RUNNING", "no perdure dev runs for the function in this folder (--dir)");
  const { adminPorts = {} } = run;
  const port = adminPorts[name];
  if (port !== undefined) return port;
  const names = Object.keys(adminPorts).join(", ");
  const text = names === "" ? "perdure dev runs one proxy, without a name" : `perdure dev runs ${names}`;
  throw new InspectError("BAD_USAGE", `${text}, and no ${JSON.stringify(name)}`);
}

/** The `perdure dev` that runs for a folder, wherever its log is. */
function runningDev(folder: string, cwd: string): RunNote | undefined {
  const project = projectIn(folder);
  if (project === undefined) return undefined;
  return newestRun([runNotePath(devLogPath(project, folder, cwd)), elsewhereNotePath(folder, project)]);
}

/** The name of a function; undefined: there is none in the folder. */
function projectIn(folder: string): string | undefined {
  try {
    return readProject(folder).name;
  } catch {
    return undefined;
  }
}
