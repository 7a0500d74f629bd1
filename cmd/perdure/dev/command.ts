// SPDX-License-Identifier: Apache-2.0

import { getCompileCacheDir } from "node:module";
import { dirname, relative, resolve } from "node:path";
import { createInterface } from "node:readline/promises";

import { Command } from "commander";

import { systemClock, systemRandom } from "../../../pkg/base/mod.ts";
import { shownAddress } from "../../../pkg/eventlog/address/mod.ts";

import { Announcer } from "./announcer.ts";
import { dev } from "./dev.ts";
import { DevError } from "./dev-error.ts";
import { explainStart } from "./explain.ts";
import { resetLog } from "./reset-log.ts";
import { otherRun } from "./run-note.ts";
import { Screen } from "./screen.ts";
import type { DevFlags, DevSettings } from "./settings.ts";
import { devSettings } from "./settings.ts";
import { stopRequested } from "./stop-request.ts";
import { abilitiesOf, COLOURED, PLAIN } from "./style.ts";

const EXAMPLES = `Examples:
  $ perdure dev                            the function in this folder, on http://127.0.0.1:9000
  $ perdure dev --dir samples/shopping-cart
  $ perdure dev -- python cart.py          a function in any language; HOST and PORT say where it listens
  $ perdure dev --http-port 9100           on another port; without it, on the next free one from 9000 on
  $ perdure dev --reset                    start with empty state
  $ perdure dev --trace                    where the time of each request went
  $ perdure dev --log memory:              state that is lost at the end
  $ perdure dev --log nats://localhost     state in NATS JetStream; npm run nats brings a server
  $ perdure dev --log nats://localhost --proxies 3
                                           three proxies with a function each, which share the entities
`;

const NOTES = `
How the function is run, the first that is there: what stands behind --, "perdure": {"dev": "..."} in its package.json,
its start script, main.ts or main.js. How code is generated when a .proto file changes: the script "generate" of its
package.json, or buf generate, where there is a buf.gen.yaml. Types are checked beside the function, where the folder has a
tsconfig.json and TypeScript is installed. What is served is shown on http://127.0.0.1:9000/ too. Spans are sent where
OTEL_EXPORTER_OTLP_ENDPOINT says, as by any proxy; see docs/traces.md. All settings of the proxy can be given by environment
variables too; see docs/configuration.md.

Exit codes: 0 stopped as asked, 1 failed, 2 wrong usage.`;

/** `perdure dev`. `command` is the part of the command line after `--`. */
export function devCommand(command: readonly string[]): Command {
  return new Command("dev")
    .summary("run a user function and its proxy")
    .description("Runs a user function and its proxy, and restarts the function when its files change.")
    .usage("[options] [-- command...]")
    .addHelpText("before", EXAMPLES)
    .addHelpText("after", NOTES)
    .option("--dir <folder>", "folder of the function", ".")
    .option(
      "--http-port <port>",
      "public port, 0 for any free one (env HTTP_PORT, default the first free one from 9000 on)",
    )
    .option("--http-host <address>", "address of the public port (env HTTP_HOST, default 127.0.0.1)")
    .option("--admin-port <port>", "port of /livez and /readyz (env ADMIN_PORT, default public port + 10)")
    .option(
      "--log <address>",
      "sqlite:PATH, nats://HOST:PORT/PREFIX or memory: (env PERDURE_LOG, default .perdure/NAME.db in the folder)",
    )
    .option(
      "--proxies <number>",
      "how many proxies run, up to 9, with a function each: as pods do, they share the entities of a log on NATS (default 1)",
    )
    .option(
      "--user-function-port <port>",
      "where the function has to listen (env USER_FUNCTION_PORT, default a free port)",
    )
    .option("--no-watch", "leave the function alone when its files change")
    .option("--no-types", "do not check types")
    .option("--quiet", "no line for each request")
    .option("--trace", "the spans of each request as a tree of times, without any server")
    .option(
      "--trace-url <url>",
      "--trace, with a link for each trace: where it can be looked at, {id} for its id (default Jaeger's on this " +
        "machine, if OTEL_EXPORTER_OTLP_ENDPOINT is on this machine)",
    )
    .option("--reset", "delete the state in .perdure/ of the folder first, after asking")
    .option("--yes", "do not ask")
    .option("--plain", "no colours and no moving lines, as if standard output were no terminal")
    .option(
      "--verbose",
      "all that the proxy says, not only warnings and errors, and all that Node adds to errors",
    )
    .allowExcessArguments(false)
    .action(async (flags: Omit<DevFlags, "command">) => runDev({ ...flags, command }));
}

async function runDev(flags: DevFlags): Promise<void> {
  const stop = stopRequested();
  const cwd = process.cwd();
  const folder = resolve(cwd, flags.dir);
  const settings = await devSettings(flags, process.env, cwd, folder, systemRandom);
  if (flags.reset === true && !(await reset(flags, settings))) {
    process.stdout.write("nothing was deleted, nothing was started\n");
    return;
  }

  const plain = flags.plain === true;
  const out = abilitiesOf(process.stdout, process.env, plain);
  const error = abilitiesOf(process.stderr, process.env, plain);
  const screen = new Screen({
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    overwrites: out.overwrites,
    clock: systemClock,
  });
  const announcer = new Announcer({
    settings,
    screen,
    watching: flags.watch,
    style: out.colours ? COLOURED : PLAIN,
    errorStyle: error.colours ? COLOURED : PLAIN,
    logText:
      settings.devLogPath === undefined
        ? shownAddress(settings.pods[0].proxy.log)
        : relative(cwd, settings.devLogPath),
    remarks: settings.remarks,
    verbose: flags.verbose === true,
    columns: () => (out.overwrites ? process.stdout.columns : undefined),
  });
  await dev({
    settings,
    announcer,
    environment: environmentFor(out.colours),
    watching: flags.watch,
    logRequests: flags.quiet !== true,
    clock: systemClock,
    random: systemRandom,
    stopRequested: stop,
  });
}

/** Adds colours, because the function writes to a pipe that hides our terminal, and our cache of compiled code. */
function environmentFor(colours: boolean): NodeJS.ProcessEnv {
  const cache = getCompileCacheDir();
  return {
    ...(colours && { FORCE_COLOR: "1" }),
    ...(cache !== undefined && { NODE_COMPILE_CACHE: dirname(cache) }),
    ...process.env,
  };
}

/** False if the user was asked and declined. */
async function reset(
  flags: DevFlags,
  { devLogPath, pods: [{ proxy }], project }: DevSettings,
): Promise<boolean> {
  try {
    return await resetLog({
      path: devLogPath,
      address: shownAddress(proxy.log),
      yes: flags.yes === true,
      ask: process.stdin.isTTY && process.stdout.isTTY ? ask : undefined,
    });
  } catch (cause) {
    if (cause instanceof DevError) throw cause;
    throw new DevError(
      "FAILED",
      explainStart(cause, { ...proxy, name: project.name, other: otherRun(devLogPath) }),
      { cause },
    );
  }
}

/** Asks the user. Ending the question without an answer (Ctrl-C, end of input) means no. */
async function ask(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const closed = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
  lines.once("SIGINT", () => lines.close());
  const answer = await Promise.race([lines.question(question), closed]);
  lines.close();
  return /^y(?:es)?$/i.test(answer.trim());
}
