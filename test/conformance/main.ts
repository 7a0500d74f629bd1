#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0

/** The Cloudstate TCK, for user functions and for proxies: `npx perdure-tck`, `--help` for the options. */

import { HELP, parseOptions } from "./cli/options.ts";
import { listCases, runSuite } from "./cli/run.ts";

const EXIT_USAGE = 2;

const parsed = parseOptions(process.argv.slice(2));
if (parsed.kind === "help") process.stdout.write(HELP);
else if (parsed.kind === "wrong") {
  process.stderr.write(`perdure-tck: ${parsed.text}\nTry --help.\n`);
  process.exitCode = EXIT_USAGE;
} else if (parsed.options.list) listCases(parsed.options);
else process.exit(await runSuite(parsed.options));
